locals {
  postgres_programs = var.postgres == "" ? [] : [for file in sort(fileset(var.postgres, "**/bin/initdb")) : dirname("${var.postgres}/${file}")]
  postgres_port     = var.port_base + 18
}

# People and classes of both control planes. Its password and URL are in `database.env`.
resource "terraform_data" "postgres" {
  for_each         = local.is_double ? toset(["postgres"]) : toset([])
  triggers_replace = [terraform_data.keys.id, local.postgres_port]
  input = {
    run  = "${local.data_dir}/run/${each.key}"
    stop = abspath("${path.module}/scripts/stop")
  }

  provisioner "local-exec" {
    command     = "${path.module}/scripts/postgres"
    interpreter = ["bash"]
    environment = {
      DIRECTORY = local.data_dir
      PORT      = local.postgres_port
      PROGRAMS  = local.postgres_programs[length(local.postgres_programs) - 1]
      RUN       = self.input.run
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = self.output.stop
    interpreter = ["bash"]
    environment = { RUN = self.output.run, SIGNAL = "INT" }
  }
}
