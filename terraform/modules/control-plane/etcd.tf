# A member of etcd beside each control plane. Members call one another by node id, which is the name in the fleet
# certificate; /etc/hosts has the addresses.
locals {
  setup = var.etcd == null ? "" : templatefile("${path.module}/templates/etcd.sh.tftpl", {
    members   = sort(keys(var.nodes))
    artefacts = var.machine.artefacts
    etcd      = var.etcd
  })
  # Every region with a member lets in every member.
  doors = var.etcd == null ? {} : {
    for pair in setproduct(distinct(values(var.nodes)[*].region), keys(var.nodes)) : "${pair[0]}/${pair[1]}" => { region = pair[0], member = pair[1] }
  }
}

resource "aws_vpc_security_group_ingress_rule" "etcd" {
  for_each          = local.doors
  region            = var.regions[each.value.region].aws_region
  security_group_id = module.machine.security_groups[each.value.region]
  description       = "etcd from ${each.value.member}"
  ip_protocol       = "tcp"
  from_port         = 2379
  to_port           = 2380
  cidr_ipv4         = "${module.machine.addresses[each.value.member]}/32"
}
