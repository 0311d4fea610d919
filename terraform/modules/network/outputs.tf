output "regions" {
  description = "Region name to what the other modules place their things in."
  value = {
    for name, region in var.regions : name => {
      aws_region      = region.aws_region
      vpc_id          = aws_vpc.this[name].id
      cidr            = local.cidr[name]
      subnet_ids      = [for zone in [0, 1] : aws_subnet.public["${name}-${zone}"].id]
      zones           = [for zone in [0, 1] : aws_subnet.public["${name}-${zone}"].availability_zone]
      listener_arn    = aws_lb_listener.https[name].arn
      balancer_dns    = aws_lb.this[name].dns_name
      balancer_zone   = aws_lb.this[name].zone_id
      balancer_suffix = aws_lb.this[name].arn_suffix
      balancer_group  = aws_security_group.load_balancer[name].id
    }
  }
}
