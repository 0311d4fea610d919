locals {
  binary       = abspath(pathexpand(var.binary))
  data_dir     = abspath(pathexpand(var.data_dir))
  certificates = "${local.data_dir}/certificates"
  # A program of another build is another program: its nodes start again.
  binary_hash = filesha256(local.binary)
  etcd_names  = var.etcd ? toset(["etcd-0", "etcd-1", "etcd-2"]) : toset([])
  # Two control planes have one store (etcd) and one database (PostgreSQL): without either there is one.
  has_postgres = length(local.postgres_programs) > 0
  is_double    = var.etcd && local.has_postgres
}

module "topology" {
  source = "../../modules/topology"

  regions        = var.regions
  control_planes = local.is_double ? { control-plane-0 = var.home, control-plane-1 = var.home } : { control-plane-0 = var.home }
  database       = local.is_double ? "postgres" : "sqlite"
  origin         = { region = var.home }
  etcd           = var.etcd ? [for index in range(3) : "https://localhost:${var.port_base + 20 + 2 * index}"] : []
  loopback       = { port_base = var.port_base }
  directories    = { certificates = local.certificates, data = "${local.data_dir}/nodes" }
}

# The fleet's CA and the key that signs access tokens. They stay when the fleet is destroyed: so do the recordings.
resource "terraform_data" "keys" {
  triggers_replace = [local.data_dir]

  provisioner "local-exec" {
    command     = "${path.module}/scripts/keys"
    interpreter = ["bash"]
    environment = { DIRECTORY = local.data_dir, BINARY = local.binary }
  }
}

resource "terraform_data" "certificate" {
  for_each         = { for id, node in module.topology.nodes : id => node.role }
  triggers_replace = [terraform_data.keys.id, each.value]

  provisioner "local-exec" {
    command     = "${path.module}/scripts/certificate"
    interpreter = ["bash"]
    environment = { DIRECTORY = local.certificates, BINARY = local.binary, NAME = each.key, ROLE = each.value }
  }
}
