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

output "school" {
  description = "Where people and classes are kept, and how many control planes share it."
  value = (
    local.is_double ? "two control planes over one PostgreSQL, 127.0.0.1:${local.postgres_port}" :
    var.etcd ? "one control plane with SQLite: no PostgreSQL below ${jsonencode(var.postgres)}, so there is no database for two" :
    "one control plane with SQLite; etcd = true makes it two over one PostgreSQL"
  )
}
