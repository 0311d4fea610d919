output "nodes" {
  description = "Every node by id: role, region, ports, url (for users), peer (host:port for other nodes, null for a cdn)."
  value       = local.nodes
}

output "nodes_by_role" {
  description = "Role to its nodes by id."
  value = {
    "control-plane" = local.control_planes
    origin          = local.origins
    edge            = local.edges
    cdn             = local.cdns
  }
}

output "peers" {
  description = "Node id to the control planes it reports to."
  value       = local.peers
}

output "configurations" {
  description = "Node id to the text of its configuration file. No secrets: keys come by SEODANG_CONTROL_PLANE__API_KEYS and SEODANG_EDGE__KEYS."
  value       = local.configurations
}

output "name_servers" {
  description = "Names of the control planes as name servers of `dns.zone`. Empty without one."
  value       = local.name_servers
}

output "cdn_members" {
  description = "Region to the configuration file of cdn nodes in a scaled group. Empty on the loopback."
  value       = local.cdn_members
}

output "etcd_ports" {
  description = "Ports for up to five etcd members on one machine: client and peer. Empty with a domain."
  value       = local.is_local ? [for index in range(5) : { client = local.base + 20 + 2 * index, peer = local.base + 21 + 2 * index }] : []
}
