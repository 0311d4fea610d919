module "machine" {
  source = "../machine"

  name           = var.name
  nodes          = var.nodes
  regions        = var.regions
  configurations = var.configurations
  machine        = var.machine

  open     = { "journals of edges" = { protocol = "udp", port = 7602 } }
  policies = { recordings = data.aws_iam_policy_document.recordings.json }
  setup    = local.copying
}

locals {
  place = one(values(var.nodes))
  # Objects are written below the data volume; a timer copies what is new to the bucket.
  copying = <<-EOT
    cat >/etc/systemd/system/seodang-recordings.service <<'UNIT'
    [Unit]
    Description=Copies finished objects of recordings to their bucket
    [Service]
    Type=oneshot
    User=seodang
    ExecStart=/usr/bin/aws s3 sync --only-show-errors --region ${var.regions[local.place.region].aws_region} /var/lib/seodang/${one(keys(var.nodes))}/objects s3://${aws_s3_bucket.recordings.id}/objects
    UNIT
    cat >/etc/systemd/system/seodang-recordings.timer <<'UNIT'
    [Unit]
    Description=Copies finished objects of recordings every minute
    [Timer]
    OnBootSec=60
    OnUnitInactiveSec=60
    [Install]
    WantedBy=timers.target
    UNIT
    systemctl daemon-reload
    systemctl enable --now seodang-recordings.timer
  EOT
}
