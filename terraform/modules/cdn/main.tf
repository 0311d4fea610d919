module "machine" {
  source = "../machine"

  name           = var.name
  nodes          = var.nodes
  regions        = var.regions
  configurations = var.configurations
  machine        = var.machine
  host_names     = var.host_names
}
