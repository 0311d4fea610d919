variables {
  regions = {
    seoul     = { slot = 0, latitude = 37.5665, longitude = 126.9780 }
    gangneung = { slot = 1, latitude = 37.7519, longitude = 128.8761 }
    jeju      = { slot = 2, latitude = 33.4996, longitude = 126.5312, edges = 2 }
  }
  control_planes = { control-plane-0 = "seoul" }
  origin         = { region = "seoul" }
  loopback       = { port_base = 20000 }
}

run "three_regions" {
  command = plan

  assert {
    condition     = length(output.nodes) == 1 + 1 + 4 + 3
    error_message = "a node is missing: ${join(", ", keys(output.nodes))}"
  }
  assert {
    condition     = join(",", output.peers["jeju-edge-1"]) == output.nodes["control-plane-0"].peer
    error_message = "the edge does not know the control plane"
  }
  assert {
    condition     = length(distinct(flatten([for node in values(output.nodes) : values(node.ports)]))) == length(flatten([for node in values(output.nodes) : values(node.ports)]))
    error_message = "two listeners have one port"
  }
  assert {
    condition     = alltrue([for id, text in output.configurations : strcontains(text, "\"${id}\"") && !strcontains(text, "secret")])
    error_message = "a configuration without its node's id, or with a secret"
  }
}

run "a_region_that_comes_moves_nobody" {
  command = plan
  variables {
    regions = {
      andong    = { slot = 3, latitude = 36.5684, longitude = 128.7294 }
      seoul     = { slot = 0, latitude = 37.5665, longitude = 126.9780 }
      gangneung = { slot = 1, latitude = 37.7519, longitude = 128.8761 }
      jeju      = { slot = 2, latitude = 33.4996, longitude = 126.5312 }
    }
  }
  assert {
    condition     = output.nodes["seoul-edge-0"].ports.listen == 20040 && output.nodes["andong-edge-0"].ports.listen == 20100
    error_message = "ports do not follow the slot"
  }
}

run "machines_of_their_own" {
  command = plan
  variables {
    loopback         = null
    domain           = "class.example.org"
    etcd             = ["https://a:2379", "https://b:2379", "https://c:2379"]
    control_planes   = { a = "seoul", b = "jeju", c = "gangneung" }
    database         = "postgres"
    public_addresses = { seoul-edge-0 = "203.0.113.7" }
  }
  assert {
    condition     = strcontains(output.configurations["seoul-edge-0"], "candidates = [\"203.0.113.7\"]") && strcontains(output.configurations["a"], "[fleet.etcd]")
    error_message = "the public address or etcd is not in the files"
  }
  assert {
    condition     = output.nodes["jeju-edge-0"].peer == "jeju-edge-0.node.class.example.org:7882" && !strcontains(output.cdn_members["jeju"], "[fleet]")
    error_message = "names are not made from the domain"
  }
}

run "control_planes_answer_dns" {
  command = plan
  variables {
    loopback       = null
    domain         = "class.example.org"
    etcd           = ["https://a:2379", "https://b:2379", "https://c:2379"]
    control_planes = { a = "seoul", b = "jeju" }
    database       = "postgres"
    dns            = { zone = "live.class.example.org" }
  }
  assert {
    condition     = strcontains(output.configurations["a"], "zone = \"live.class.example.org\"") && strcontains(output.configurations["a"], "nameservers = { \"a.node.class.example.org\" = [], \"b.node.class.example.org\" = [] }")
    error_message = "the zone and its name servers are not in the file: ${output.configurations["a"]}"
  }
  assert {
    condition     = join(",", output.name_servers) == "a.node.class.example.org,b.node.class.example.org"
    error_message = "nobody to delegate to"
  }
  assert {
    condition     = strcontains(output.configurations["b"], "public_nodes = \"b.node.class.example.org:7443\"")
    error_message = "nodes do not learn where the control plane is"
  }
}

run "several_control_planes_need_one_database" {
  command = plan
  variables {
    control_planes = { a = "seoul", b = "jeju" }
    etcd           = ["https://a:2379", "https://b:2379", "https://c:2379"]
  }
  expect_failures = [var.control_planes]
}

run "a_zone_needs_a_domain" {
  command = plan
  variables {
    dns = { zone = "live.example.org" }
  }
  expect_failures = [var.dns]
}

run "an_unknown_region_is_refused" {
  command = plan
  variables {
    control_planes = { control-plane-0 = "busan" }
    origin         = { region = "busan" }
  }
  expect_failures = [var.control_planes, var.origin]
}

run "coordinates_off_the_globe_are_refused" {
  command = plan
  variables {
    regions = { seoul = { slot = 0, latitude = 137.5, longitude = 37.5 } }
  }
  expect_failures = [var.regions]
}

run "a_name_that_is_no_label_is_refused" {
  command = plan
  variables {
    regions        = { "Seoul_1" = { slot = 0, latitude = 37.5, longitude = 127 } }
    control_planes = { control-plane-0 = "Seoul_1" }
    origin         = { region = "Seoul_1" }
  }
  expect_failures = [var.regions]
}

run "one_slot_twice_is_refused" {
  command = plan
  variables {
    regions = {
      seoul = { slot = 1, latitude = 37.5, longitude = 127 }
      jeju  = { slot = 1, latitude = 33.5, longitude = 126.5 }
    }
  }
  expect_failures = [var.regions]
}

run "several_control_planes_need_etcd" {
  command = plan
  variables {
    control_planes = { a = "seoul", b = "jeju" }
    database       = "postgres"
  }
  expect_failures = [var.control_planes]
}

run "loopback_or_domain_but_not_both" {
  command = plan
  variables {
    domain = "class.example.org"
  }
  expect_failures = [var.loopback]
}
