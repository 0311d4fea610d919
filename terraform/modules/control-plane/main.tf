module "machine" {
  source = "../machine"

  name           = var.name
  nodes          = var.nodes
  regions        = var.regions
  configurations = var.configurations
  machine        = var.machine

  secret_settings = concat(["SEODANG_CONTROL_PLANE__API_KEYS"], var.database == "postgres" ? ["SEODANG_CONTROL_PLANE__DATABASE"] : [])
  host_names      = var.host_names
  # Nodes show the fleet's certificate there, or are refused.
  open = merge(
    { "store for nodes" = { protocol = "tcp", port = 7443 } },
    # Answers are small, limited by address, and for its own zone only.
    var.dns ? { "DNS over UDP" = { protocol = "udp", port = 53 }, "DNS over TCP" = { protocol = "tcp", port = 53 } } : {},
  )
  is_low_port = var.dns
  setup       = local.setup
}
