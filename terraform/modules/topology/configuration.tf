locals {
  template = {
    "control-plane" = "control-plane.toml.tftpl"
    edge            = "edge.toml.tftpl"
    origin          = "origin.toml.tftpl"
    cdn             = "cdn.toml.tftpl"
  }

  # A cdn node of a scaled group: serves, but speaks for no region, so it has no place in the fleet.
  configurations = {
    for id, node in local.nodes : id => templatefile("${path.module}/templates/${local.template[node.role]}", merge(local.shown, {
      node       = node
      location   = { latitude = var.regions[node.region].latitude, longitude = var.regions[node.region].longitude }
      candidates = compact([lookup(var.public_addresses, id, "")])
      planes     = local.peers[id]
      fleet      = true
    }))
  }

  cdn_members = {
    for name, region in var.regions : name => templatefile("${path.module}/templates/cdn.toml.tftpl", merge(local.shown, {
      node       = { id = "${name}-cdn", region = name, ports = { listen = 7480, admin = 7481 }, url = "" }
      location   = { latitude = region.latitude, longitude = region.longitude }
      candidates = []
      planes     = []
      fleet      = false
    })) if var.loopback == null
  }

  shown = {
    bind    = local.is_local ? "127.0.0.1" : "0.0.0.0"
    regions = var.regions
    etcd    = var.etcd
    proxies = var.trusted_proxies
    dns     = var.dns

    # Outside of the zone: the parent has their addresses.
    name_servers = local.name_servers
    upstreams    = [for origin in values(local.origins) : origin.url]
    directories  = merge(var.directories, { upstream_ca = local.is_local ? "" : var.directories.upstream_ca })
  }
}
