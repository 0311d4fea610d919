# One entrance per region for HTTPS; the modules of the roles add their rules to its listener.
variable "certificate_arns" {
  description = "Region name to the ACM certificate of the fleet's wildcard name in that AWS region."
  type        = map(string)
}

variable "log_buckets" {
  description = "Region name to the S3 bucket, in the same AWS region, for the load balancer's access logs. Absent: none are kept."
  type        = map(string)
  default     = {}
}

resource "aws_security_group" "load_balancer" {
  for_each    = var.regions
  region      = each.value.aws_region
  name        = "${var.name}-${each.key}-https"
  description = "HTTPS from everywhere"
  vpc_id      = aws_vpc.this[each.key].id
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each          = var.regions
  region            = each.value.aws_region
  security_group_id = aws_security_group.load_balancer[each.key].id
  description       = "HTTPS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  for_each          = var.regions
  region            = each.value.aws_region
  security_group_id = aws_security_group.load_balancer[each.key].id
  description       = "To the nodes of the region"
  ip_protocol       = "tcp"
  from_port         = 1024
  to_port           = 65535
  cidr_ipv4         = local.cidr[each.key]
}

resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_28:the nodes limit rates themselves; a web application firewall is the school's choice
  for_each                   = var.regions
  region                     = each.value.aws_region
  name                       = "${var.name}-${each.key}"
  load_balancer_type         = "application"
  subnets                    = [for zone in [0, 1] : aws_subnet.public["${each.key}-${zone}"].id]
  security_groups            = [aws_security_group.load_balancer[each.key].id]
  drop_invalid_header_fields = true
  enable_deletion_protection = true
  # A class outlasts the sixty seconds of the default; signalling pings more often than this.
  idle_timeout = 300

  dynamic "access_logs" {
    for_each = compact([lookup(var.log_buckets, each.key, "")])
    content {
      bucket  = access_logs.value
      enabled = true
    }
  }
}

resource "aws_lb_listener" "https" {
  for_each          = var.regions
  region            = each.value.aws_region
  load_balancer_arn = aws_lb.this[each.key].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arns[each.key]

  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "nothing by this name"
      status_code  = "404"
    }
  }
}
