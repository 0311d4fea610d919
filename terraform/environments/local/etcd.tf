locals {
  etcd_index = { for name in local.etcd_names : name => index(sort(local.etcd_names), name) }
  etcd_ports = module.topology.etcd_ports
}

# All members show one certificate, made for `localhost`.
resource "terraform_data" "etcd_certificate" {
  for_each         = var.etcd ? toset(["localhost"]) : toset([])
  triggers_replace = [terraform_data.keys.id]

  provisioner "local-exec" {
    command     = "${path.module}/scripts/certificate"
    interpreter = ["bash"]
    environment = { DIRECTORY = local.certificates, BINARY = local.binary, NAME = each.key, ROLE = "etcd" }
  }
}

# Members come up together: each waits for the others before it answers, so starting does not wait for readiness.
resource "terraform_data" "etcd" {
  for_each         = local.etcd_index
  triggers_replace = [for certificate in values(terraform_data.etcd_certificate) : certificate.id]
  input = {
    run  = "${local.data_dir}/run/${each.key}"
    stop = abspath("${path.module}/scripts/stop")
  }

  provisioner "local-exec" {
    command     = "${path.module}/scripts/start"
    interpreter = ["bash"]
    environment = {
      RUN = self.input.run
      COMMAND = join(" ", [
        "etcd --name ${each.key} --data-dir '${local.data_dir}/nodes/${each.key}' --logger zap --log-level warn",
        "--listen-client-urls https://127.0.0.1:${local.etcd_ports[each.value].client}",
        "--advertise-client-urls https://localhost:${local.etcd_ports[each.value].client}",
        "--listen-peer-urls https://127.0.0.1:${local.etcd_ports[each.value].peer}",
        "--initial-advertise-peer-urls https://localhost:${local.etcd_ports[each.value].peer}",
        "--initial-cluster ${join(",", [for name, index in local.etcd_index : "${name}=https://localhost:${local.etcd_ports[index].peer}"])}",
        "--initial-cluster-token seodang-local --client-cert-auth --peer-client-cert-auth",
        "--cert-file '${local.certificates}/localhost.pem' --key-file '${local.certificates}/localhost.key' --trusted-ca-file '${local.certificates}/ca.pem'",
        "--peer-cert-file '${local.certificates}/localhost.pem' --peer-key-file '${local.certificates}/localhost.key' --peer-trusted-ca-file '${local.certificates}/ca.pem'",
      ])
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = self.output.stop
    interpreter = ["bash"]
    environment = { RUN = self.output.run }
  }
}
