# What lets packets in. No port for people who administer: `aws ssm start-session` needs none. The admin port of a node
# (metrics, health) is open to the load balancer and to the region's own network.
resource "aws_security_group" "this" {
  for_each    = local.regions
  region      = each.value.aws_region
  name        = "${var.name}-${each.key}-${one(distinct(values(var.nodes)[*].role))}"
  description = "Nodes of one role"
  vpc_id      = each.value.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "open" {
  for_each          = { for pair in setproduct(keys(local.regions), keys(var.open)) : "${pair[0]}/${pair[1]}" => { region = pair[0], door = pair[1] } }
  region            = local.regions[each.value.region].aws_region
  security_group_id = aws_security_group.this[each.value.region].id
  description       = each.value.door
  ip_protocol       = var.open[each.value.door].protocol
  from_port         = var.open[each.value.door].port
  to_port           = var.open[each.value.door].port
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "listen" {
  for_each                     = local.regions
  region                       = each.value.aws_region
  security_group_id            = aws_security_group.this[each.key].id
  description                  = "HTTP from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = values(var.nodes)[0].ports.listen
  to_port                      = values(var.nodes)[0].ports.listen
  referenced_security_group_id = each.value.balancer_group
}

resource "aws_vpc_security_group_ingress_rule" "admin" {
  for_each          = local.regions
  region            = each.value.aws_region
  security_group_id = aws_security_group.this[each.key].id
  description       = "Health and metrics within the region"
  ip_protocol       = "tcp"
  from_port         = values(var.nodes)[0].ports.admin
  to_port           = values(var.nodes)[0].ports.admin
  cidr_ipv4         = each.value.cidr
}

resource "aws_vpc_security_group_egress_rule" "all" {
  #checkov:skip=CKV_AWS_382:media goes to whatever address and port a user's network shows
  for_each          = local.regions
  region            = each.value.aws_region
  security_group_id = aws_security_group.this[each.key].id
  description       = "To users and other nodes, wherever they are"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

# TLS ends at the load balancer; each node has its own name there.
resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the hop behind it stays in the region's network
  for_each             = local.placed
  region               = each.value.place.aws_region
  name                 = substr("${var.name}-${each.key}", 0, 32)
  port                 = each.value.ports.listen
  protocol             = "HTTP"
  vpc_id               = each.value.place.vpc_id
  deregistration_delay = 10

  health_check {
    path                = "/readyz"
    port                = each.value.ports.admin
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_target_group_attachment" "this" {
  for_each         = local.placed
  region           = each.value.place.aws_region
  target_group_arn = aws_lb_target_group.this[each.key].arn
  target_id        = aws_instance.this[each.key].id
}

resource "aws_lb_listener_rule" "this" {
  for_each     = local.placed
  region       = each.value.place.aws_region
  listener_arn = each.value.place.listener_arn

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
  condition {
    host_header {
      values = distinct(concat([trimprefix(each.value.url, "https://")], var.host_names))
    }
  }
}
