locals {
  cidr = { for name, region in var.regions : name => "10.${100 + region.slot}.0.0/16" }
  # Two zones: a load balancer wants two.
  subnets = merge([
    for name, region in var.regions : {
      for zone in [0, 1] : "${name}-${zone}" => { region = name, aws_region = region.aws_region, zone = zone }
    }
  ]...)
}

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:a subnet keeps the zone it was made in, see its lifecycle
  for_each = var.regions
  region   = each.value.aws_region
  state    = "available"
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:a line per flow of every pupil's address is more than a school should keep
  for_each             = var.regions
  region               = each.value.aws_region
  cidr_block           = local.cidr[each.key]
  enable_dns_hostnames = true
  tags                 = { Name = "${var.name}-${each.key}" }
}

# Nobody may lean on the default group: it lets nothing through.
resource "aws_default_security_group" "this" {
  for_each = var.regions
  region   = each.value.aws_region
  vpc_id   = aws_vpc.this[each.key].id
}

resource "aws_internet_gateway" "this" {
  for_each = var.regions
  region   = each.value.aws_region
  vpc_id   = aws_vpc.this[each.key].id
  tags     = { Name = "${var.name}-${each.key}" }
}

resource "aws_subnet" "public" {
  for_each          = local.subnets
  region            = each.value.aws_region
  vpc_id            = aws_vpc.this[each.value.region].id
  cidr_block        = cidrsubnet(local.cidr[each.value.region], 4, each.value.zone)
  availability_zone = data.aws_availability_zones.this[each.value.region].names[each.value.zone]
  tags              = { Name = "${var.name}-${each.key}" }

  lifecycle {
    # A zone that AWS adds must not move the network.
    ignore_changes = [availability_zone]
  }
}

resource "aws_route_table" "public" {
  for_each = var.regions
  region   = each.value.aws_region
  vpc_id   = aws_vpc.this[each.key].id
  tags     = { Name = "${var.name}-${each.key}" }

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this[each.key].id
  }
}

resource "aws_route_table_association" "public" {
  for_each       = local.subnets
  region         = each.value.aws_region
  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[each.value.region].id
}

# Recordings go to S3 without leaving the network of AWS.
resource "aws_vpc_endpoint" "s3" {
  for_each        = var.regions
  region          = each.value.aws_region
  vpc_id          = aws_vpc.this[each.key].id
  service_name    = "com.amazonaws.${each.value.aws_region}.s3"
  route_table_ids = [aws_route_table.public[each.key].id]
}
