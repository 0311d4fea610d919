locals {
  is_local = var.loopback != null
  base     = local.is_local ? var.loopback.port_base : 0

  # Ports on one machine: control planes +0, +3, …; origin +15; etcd from +20; region: 40 + 20 × slot.
  control_plane_ports = {
    for index, id in sort(keys(var.control_planes)) : id => {
      listen = local.is_local ? local.base + 3 * index : 8080
      admin  = local.is_local ? local.base + 3 * index + 1 : 8081
      nodes  = local.is_local ? local.base + 3 * index + 2 : 7443
    }
  }
  origin_ports = {
    listen = local.is_local ? local.base + 15 : 7600
    admin  = local.is_local ? local.base + 16 : 7601
    ingest = local.is_local ? local.base + 17 : 7602
  }

  control_planes = {
    for id, region in var.control_planes : id => {
      id     = id
      role   = "control-plane"
      region = region
      ports  = local.control_plane_ports[id]
      url    = local.is_local ? "http://127.0.0.1:${local.control_plane_ports[id].listen}" : "https://class.${var.domain}"
      peer   = local.is_local ? "127.0.0.1:${local.control_plane_ports[id].nodes}" : "${id}.node.${var.domain}:7443"
    }
  }

  origins = {
    (var.origin.name) = {
      id     = var.origin.name
      role   = "origin"
      region = var.origin.region
      ports  = local.origin_ports
      url    = local.is_local ? "http://127.0.0.1:${local.origin_ports.listen}" : "https://${var.origin.name}.${var.domain}"
      peer   = local.is_local ? "127.0.0.1:${local.origin_ports.ingest}" : "${var.origin.name}.node.${var.domain}:7602"
    }
  }

  edges = merge([
    for name, region in var.regions : {
      for number in range(region.edges) : "${name}-edge-${number}" => {
        id     = "${name}-edge-${number}"
        role   = "edge"
        region = name
        ports = {
          listen = local.is_local ? local.base + 40 + 20 * region.slot + 4 * number : 7880
          media  = local.is_local ? local.base + 41 + 20 * region.slot + 4 * number : 7881
          link   = local.is_local ? local.base + 42 + 20 * region.slot + 4 * number : 7882
          admin  = local.is_local ? local.base + 43 + 20 * region.slot + 4 * number : 7883
        }
        url  = local.is_local ? "http://127.0.0.1:${local.base + 40 + 20 * region.slot + 4 * number}" : "https://${name}-edge-${number}.${var.domain}"
        peer = local.is_local ? "127.0.0.1:${local.base + 42 + 20 * region.slot + 4 * number}" : "${name}-edge-${number}.node.${var.domain}:7882"
      }
    }
  ]...)

  cdns = merge([
    for name, region in var.regions : {
      for number in range(region.cdns) : "${name}-cdn-${number}" => {
        id     = "${name}-cdn-${number}"
        role   = "cdn"
        region = name
        ports = {
          listen = local.is_local ? local.base + 52 + 20 * region.slot + 2 * number : 7480
          admin  = local.is_local ? local.base + 53 + 20 * region.slot + 2 * number : 7481
        }
        url  = local.is_local ? "http://127.0.0.1:${local.base + 52 + 20 * region.slot + 2 * number}" : "https://${name}-cdn-${number}.${var.domain}"
        peer = null
      }
    }
  ]...)

  name_servers = var.dns == null ? [] : [for plane in values(local.control_planes) : trimsuffix(plane.peer, ":${plane.ports.nodes}")]

  nodes = merge(local.control_planes, local.origins, local.edges, local.cdns)
  peers = { for id, node in local.nodes : id => [for plane in values(local.control_planes) : plane.peer if plane.id != id] }
}
