module "machine" {
  source = "../machine"

  name           = var.name
  nodes          = var.nodes
  regions        = var.regions
  configurations = var.configurations
  machine        = var.machine
  host_names     = var.host_names

  secret_settings = ["SEODANG_EDGE__KEYS"]
  open = {
    "media of users" = { protocol = "udp", port = 7881 }
    "links of edges" = { protocol = "udp", port = 7882 }
  }
}
