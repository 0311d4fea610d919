# Further nodes behind the same names. They have no certificate and no place in the fleet: they know HTTP only, and the
# registered node of the region speaks for all of them.
locals {
  first = { for id, node in var.nodes : node.region => id... }
  fleet = { for name, text in var.members : name => merge(var.regions[name], { configuration = text }) if contains(keys(local.first), name) }
}

data "aws_ssm_parameter" "image" {
  for_each = local.fleet
  region   = each.value.aws_region
  name     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "member" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.machine.artefacts.bucket}/${var.machine.artefacts.seodang_key}"]
  }
}

resource "aws_iam_role" "member" {
  name               = "${var.name}-cdn-member"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "member" {
  name   = "program"
  role   = aws_iam_role.member.id
  policy = data.aws_iam_policy_document.member.json
}

resource "aws_iam_instance_profile" "member" {
  name = "${var.name}-cdn-member"
  role = aws_iam_role.member.name
}

resource "aws_launch_template" "member" {
  #checkov:skip=CKV_AWS_88:there is no NAT gateway; the security group lets in the load balancer alone
  for_each      = local.fleet
  region        = each.value.aws_region
  name_prefix   = "${var.name}-${each.key}-cdn-"
  image_id      = data.aws_ssm_parameter.image[each.key].insecure_value
  instance_type = var.machine.instance_type
  ebs_optimized = true
  user_data = base64encode(templatefile("${path.module}/templates/member.sh.tftpl", {
    machine       = var.machine
    configuration = base64encode(each.value.configuration)
  }))

  iam_instance_profile {
    arn = aws_iam_instance_profile.member.arn
  }
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  network_interfaces {
    associate_public_ip_address = true
    security_groups             = [module.machine.security_groups[each.key]]
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted   = true
      volume_size = 8
      volume_type = "gp3"
    }
  }
}

resource "aws_autoscaling_group" "member" {
  for_each                  = local.fleet
  region                    = each.value.aws_region
  name_prefix               = "${var.name}-${each.key}-cdn-"
  min_size                  = 0
  max_size                  = var.members_max
  vpc_zone_identifier       = each.value.subnet_ids
  target_group_arns         = [module.machine.target_groups[local.first[each.key][0]]]
  health_check_type         = "ELB"
  health_check_grace_period = 120

  launch_template {
    id      = aws_launch_template.member[each.key].id
    version = aws_launch_template.member[each.key].latest_version
  }
  instance_refresh {
    strategy = "Rolling"
  }
  tag {
    key                 = "Name"
    value               = "${var.name}-${each.key}-cdn-member"
    propagate_at_launch = true
  }
}

# The registered node is a target too, so there is a figure to scale by while the group is empty.
resource "aws_autoscaling_policy" "requests" {
  for_each               = local.fleet
  region                 = each.value.aws_region
  name                   = "requests"
  autoscaling_group_name = aws_autoscaling_group.member[each.key].name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = 20000
    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${each.value.balancer_suffix}/${module.machine.target_group_suffixes[local.first[each.key][0]]}"
    }
  }
}
