module "machine" {
  source = "../machine"

  name           = var.name
  nodes          = var.nodes
  regions        = var.regions
  configurations = var.configurations
  machine        = var.machine

  secret_settings = ["SEODANG_CONTROL_PLANE__API_KEYS"]
  host_names      = var.host_names
  # Nodes show the fleet's certificate there, or are refused.
  open  = { "store for nodes" = { protocol = "tcp", port = 7443 } }
  setup = local.setup
}
