locals {
  ids       = sort(keys(var.nodes))
  placed    = { for id, node in var.nodes : id => merge(node, { place = var.regions[node.region] }) }
  regions   = { for name in distinct([for node in values(var.nodes) : node.region]) : name => var.regions[name] }
  addresses = { for id, address in aws_eip.this : id => address.public_ip }
}

data "aws_ssm_parameter" "image" {
  for_each = local.regions
  region   = each.value.aws_region
  name     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

resource "aws_eip" "this" {
  for_each = local.placed
  region   = each.value.place.aws_region
  domain   = "vpc"
  tags     = { Name = "${var.name}-${each.key}" }
}

resource "aws_eip_association" "this" {
  for_each      = local.placed
  region        = each.value.place.aws_region
  allocation_id = aws_eip.this[each.key].allocation_id
  instance_id   = aws_instance.this[each.key].id
}

resource "aws_instance" "this" {
  for_each                    = local.placed
  region                      = each.value.place.aws_region
  ami                         = data.aws_ssm_parameter.image[each.value.region].insecure_value
  instance_type               = var.machine.instance_type
  subnet_id                   = each.value.place.subnet_ids[0]
  vpc_security_group_ids      = [aws_security_group.this[each.value.region].id]
  iam_instance_profile        = aws_iam_instance_profile.this[each.key].name
  ebs_optimized               = true
  monitoring                  = true
  user_data_replace_on_change = true
  user_data_base64 = base64gzip(templatefile("${path.module}/templates/user-data.sh.tftpl", {
    id            = each.key
    role          = each.value.role
    aws_region    = each.value.place.aws_region
    configuration = base64encode(var.configurations[each.key])
    hosts         = local.addresses
    machine       = var.machine
    secrets       = var.secret_settings
    setup         = var.setup
    is_low_port   = var.is_low_port
    volume        = replace(aws_ebs_volume.data[each.key].id, "-", "")
  }))
  tags = { Name = "${var.name}-${each.key}", Role = each.value.role, Region = each.value.region }

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  root_block_device {
    encrypted = true
  }
  lifecycle {
    # A newer image comes with the next change of the machine, not in the middle of a lesson.
    ignore_changes = [ami]
  }
}

# Outlives its instance: journals that have not got to the origin, stores, etcd. Taken away, it leaves a snapshot.
resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189:keys of AWS serve; a key of one's own adds a way to lose what the volume keeps
  for_each          = local.placed
  region            = each.value.place.aws_region
  availability_zone = each.value.place.zones[0]
  size              = var.machine.data_gb
  type              = "gp3"
  encrypted         = true
  final_snapshot    = true
  tags              = { Name = "${var.name}-${each.key}-data" }
}

resource "aws_volume_attachment" "data" {
  for_each                       = local.placed
  region                         = each.value.place.aws_region
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data[each.key].id
  instance_id                    = aws_instance.this[each.key].id
  stop_instance_before_detaching = true
}
