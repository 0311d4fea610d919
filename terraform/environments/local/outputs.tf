output "class" {
  description = "Where users begin."
  value       = [for node in values(module.topology.nodes_by_role["control-plane"]) : node.url]
}

output "nodes" {
  description = "Node id to its URL."
  value       = { for id, node in module.topology.nodes : id => node.url }
}

output "admin" {
  description = "Node id to the URL with its metrics and health."
  value       = { for id, node in module.topology.nodes : id => "http://127.0.0.1:${node.ports.admin}" }
}

output "keys_file" {
  description = "File with the key that signs access tokens, readable by its owner."
  value       = "${local.data_dir}/keys.env"
}
