# Users reach a node by its name at the load balancer of its region.
resource "aws_route53_record" "node" {
  for_each = var.nodes
  zone_id  = var.zone_id
  name     = trimprefix(each.value.url, "https://")
  type     = "A"

  alias {
    name                   = var.regions[each.value.region].balancer_dns
    zone_id                = var.regions[each.value.region].balancer_zone
    evaluate_target_health = false
  }
}

# Nodes reach one another past the load balancer.
resource "aws_route53_record" "direct" {
  #checkov:skip=CKV2_AWS_23:the addresses come from another module
  for_each = var.addresses
  zone_id  = var.zone_id
  name     = "${each.key}.node.${var.domain}"
  type     = "A"
  ttl      = 60
  records  = [each.value]
}

resource "aws_route53_record" "nearest" {
  for_each       = merge([for label, regions in var.nearest : { for region in regions : "${label}/${region}" => { label = label, region = region } }]...)
  zone_id        = var.zone_id
  name           = "${each.value.label}.${var.domain}"
  type           = "A"
  set_identifier = each.value.region

  latency_routing_policy {
    region = var.regions[each.value.region].aws_region
  }
  alias {
    name                   = var.regions[each.value.region].balancer_dns
    zone_id                = var.regions[each.value.region].balancer_zone
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "alias" {
  #checkov:skip=CKV2_AWS_23:the distribution comes from another module
  for_each = var.aliases
  zone_id  = var.zone_id
  name     = each.key
  type     = "A"

  alias {
    name                   = each.value.name
    zone_id                = each.value.zone
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "delegation" {
  for_each = var.delegations
  zone_id  = var.zone_id
  name     = "${each.key}.${var.domain}"
  type     = "NS"
  ttl      = 300
  records  = each.value
}
