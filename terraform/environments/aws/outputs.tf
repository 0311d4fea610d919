output "class" {
  description = "Where users begin."
  value       = "https://class.${var.domain}"
}

output "node_ids" {
  description = "Names that need a certificate of the fleet."
  value       = { for role, nodes in module.topology.nodes_by_role : role => keys(nodes) }
}

output "recordings_bucket" {
  description = "Bucket that keeps recordings."
  value       = module.origin.recordings_bucket.id
}

output "prometheus" {
  description = "Endpoint of the Prometheus workspace."
  value       = module.observability.prometheus
}
