locals {
  by_role = module.topology.nodes_by_role
  workers = merge(local.by_role["origin"], local.by_role["edge"], local.by_role["cdn"])
}

resource "terraform_data" "control_plane" {
  for_each         = local.by_role["control-plane"]
  triggers_replace = [local.binary_hash, sha256(module.topology.configurations[each.key]), terraform_data.certificate[each.key].id]
  depends_on       = [terraform_data.etcd, terraform_data.postgres]
  input = {
    run  = "${local.data_dir}/run/${each.key}"
    stop = abspath("${path.module}/scripts/stop")
  }

  provisioner "local-exec" {
    command     = "${path.module}/scripts/start"
    interpreter = ["bash"]
    environment = {
      RUN           = self.input.run
      CONFIGURATION = module.topology.configurations[each.key]
      KEYS          = "${local.data_dir}/keys.env"
      DATABASE      = local.is_double ? "${local.data_dir}/database.env" : ""
      COMMAND       = "'${local.binary}' control-plane --config '${self.input.run}/configuration.toml'"
      ADMIN         = each.value.ports.admin
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = self.output.stop
    interpreter = ["bash"]
    environment = { RUN = self.output.run }
  }
}

# Started after the control planes and stopped before them, so that a node that ends takes its name back.
resource "terraform_data" "node" {
  for_each         = local.workers
  triggers_replace = [local.binary_hash, sha256(module.topology.configurations[each.key]), terraform_data.certificate[each.key].id]
  depends_on       = [terraform_data.control_plane]
  # All that stopping needs: a provisioner that runs at the end sees nothing else.
  input = {
    run    = "${local.data_dir}/run/${each.key}"
    stop   = abspath("${path.module}/scripts/stop")
    binary = local.binary
    keys   = "${local.data_dir}/keys.env"
    plane  = values(local.by_role["control-plane"])[0].url
    # An edge is drained first: its users go on at another one.
    drain = each.value.role == "edge" ? each.key : ""
  }

  provisioner "local-exec" {
    command     = "${path.module}/scripts/start"
    interpreter = ["bash"]
    environment = {
      RUN           = self.input.run
      CONFIGURATION = module.topology.configurations[each.key]
      KEYS          = "${local.data_dir}/keys.env"
      COMMAND       = "'${local.binary}' ${each.value.role} --config '${self.input.run}/configuration.toml'"
      ADMIN         = each.value.ports.admin
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = self.output.stop
    interpreter = ["bash"]
    environment = {
      RUN    = self.output.run
      DRAIN  = try(self.output.drain, "")
      BINARY = try(self.output.binary, "")
      KEYS   = try(self.output.keys, "")
      PLANE  = try(self.output.plane, "")
    }
  }
}
