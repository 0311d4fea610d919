provider "aws" {
  region = var.regions[var.origin_region].aws_region
  default_tags {
    tags = { Project = var.name }
  }
}

locals {
  roles   = module.topology.nodes_by_role
  machine = { for role, size in var.sizes : role => merge(size, { parameters = var.parameters, artefacts = var.artefacts }) }
  # Names that lead to any node of a role: by latency, and by the control planes' own DNS.
  shared_names = { for label in ["edge", "cdn"] : label => compact([
    "${label}.${var.domain}",
    var.geodns == null ? "" : "${label}.${var.geodns.label}.${var.domain}",
  ]) }
  nearest = {
    class = toset(values(var.control_planes))
    edge  = toset([for name, region in var.regions : name if region.edges > 0])
    cdn   = toset([for name, region in var.regions : name if region.cdns > 0])
  }
}

module "topology" {
  source           = "../../modules/topology"
  regions          = var.regions
  control_planes   = var.control_planes
  origin           = { region = var.origin_region }
  domain           = var.domain
  etcd             = [for id in keys(var.control_planes) : "https://${id}:2379" if var.etcd != null]
  public_addresses = module.edge.addresses
  trusted_proxies  = ["10.0.0.0/8"]
  database         = var.database
  dns              = var.geodns == null ? null : { zone = "${var.geodns.label}.${var.domain}", ttl_s = var.geodns.ttl_s }
}

module "network" {
  source           = "../../modules/network"
  name             = var.name
  regions          = var.regions
  certificate_arns = { for name, region in var.regions : name => region.certificate_arn }
  log_buckets      = { for name, region in var.regions : name => region.log_bucket }
}

module "control_plane" {
  source         = "../../modules/control-plane"
  name           = var.name
  nodes          = local.roles["control-plane"]
  regions        = module.network.regions
  configurations = module.topology.configurations
  machine        = local.machine["control-plane"]
  host_names     = ["class.${var.domain}"]
  etcd           = var.etcd
  database       = var.database
  dns            = var.geodns != null
}

module "edge" {
  source         = "../../modules/edge"
  name           = var.name
  nodes          = local.roles["edge"]
  regions        = module.network.regions
  configurations = module.topology.configurations
  machine        = local.machine["edge"]
  host_names     = local.shared_names.edge
}

module "origin" {
  source         = "../../modules/origin"
  name           = var.name
  nodes          = local.roles["origin"]
  regions        = module.network.regions
  configurations = module.topology.configurations
  machine        = local.machine["origin"]
}

module "cdn" {
  source         = "../../modules/cdn"
  name           = var.name
  nodes          = local.roles["cdn"]
  regions        = module.network.regions
  configurations = module.topology.configurations
  members        = module.topology.cdn_members
  machine        = local.machine["cdn"]
  host_names     = local.shared_names.cdn
  cloudfront = var.cloudfront_certificate_arn == null ? null : {
    host_name       = "replay.${var.domain}"
    certificate_arn = var.cloudfront_certificate_arn
    origin_name     = "cdn.${var.domain}"
  }
}

module "dns" {
  source      = "../../modules/dns"
  domain      = var.domain
  zone_id     = var.zone_id
  nodes       = merge(local.roles["edge"], local.roles["origin"], local.roles["cdn"])
  addresses   = merge(module.control_plane.addresses, module.edge.addresses, module.origin.addresses)
  regions     = module.network.regions
  nearest     = { for label, regions in local.nearest : label => regions if !contains(keys(var.delegations), label) }
  aliases     = module.cdn.cloudfront
  delegations = merge(var.delegations, try(var.geodns.delegated, false) ? { (var.geodns.label) = toset(module.topology.name_servers) } : {})
}

module "observability" {
  source     = "../../modules/observability"
  name       = var.name
  aws_region = var.regions[var.origin_region].aws_region
  rules      = file("${path.module}/../../dashboards/alerts.yml")
  instances  = merge(module.control_plane.instances, module.edge.instances, module.origin.instances, module.cdn.instances)
  mail       = var.mail
}
