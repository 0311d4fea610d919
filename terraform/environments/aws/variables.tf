variable "name" {
  description = "Prefix of names."
  type        = string
  default     = "seodang"
}

variable "domain" {
  description = "Domain of the fleet: users begin at class.DOMAIN."
  type        = string
}

variable "zone_id" {
  description = "Route53 zone that holds the domain."
  type        = string
}

variable "regions" {
  description = "Regions by name; see modules/topology. `certificate_arn` is the ACM certificate for *.DOMAIN in that AWS region; with `geodns` for *.LABEL.DOMAIN too."
  type = map(object({
    aws_region      = string
    certificate_arn = string
    slot            = number
    latitude        = number
    longitude       = number
    edges           = optional(number, 1)
    cdns            = optional(number, 1)
    log_bucket      = optional(string, "")
  }))
}

variable "control_planes" {
  description = "Control planes: name to region. One, or three with `etcd`."
  type        = map(string)
}

variable "origin_region" {
  description = "Region of the origin and of the bucket of recordings."
  type        = string
}

variable "artefacts" {
  description = "Where machines get the program: bucket, its AWS region, key, SHA-256."
  type = object({
    bucket         = string
    region         = string
    seodang_key    = string
    seodang_sha256 = string
  })
}

variable "etcd" {
  description = "The etcd program in the same bucket. Null: one control plane with its own store."
  type        = object({ key = string, sha256 = string })
  default     = null
}

variable "database" {
  description = "`sqlite` for one control plane; `postgres` for several: the URL is the SSM parameter PARAMETERS/keys/SEODANG_CONTROL_PLANE__DATABASE in each of their AWS regions."
  type        = string
  default     = "sqlite"
}

variable "geodns" {
  description = "Label below the domain that the control planes answer for by position: edge.LABEL.DOMAIN, cdn.LABEL.DOMAIN, each a CNAME of the nearest node's name at its load balancer. `delegated` makes the NS record. Null: no DNS of our own."
  type = object({
    label     = string
    ttl_s     = optional(number, 30)
    delegated = optional(bool, true)
  })
  default = null
}

variable "parameters" {
  description = "SSM path with certificates and keys, in every AWS region; see the README."
  type        = string
  default     = "/seodang"
}

variable "sizes" {
  description = "Role to instance type and data volume in GB."
  type        = map(object({ instance_type = string, data_gb = number }))
  default = {
    edge          = { instance_type = "c6i.large", data_gb = 100 }
    cdn           = { instance_type = "c6i.large", data_gb = 10 }
    origin        = { instance_type = "c6i.xlarge", data_gb = 500 }
    control-plane = { instance_type = "t3.medium", data_gb = 20 }
  }
}

variable "cloudfront_certificate_arn" {
  description = "Certificate for replay.DOMAIN in us-east-1: CloudFront in front of the cdn nodes. Null: none."
  type        = string
  default     = null
}

variable "delegations" {
  description = "Label below the domain to name servers of one's own that answer for it."
  type        = map(set(string))
  default     = {}
}

variable "mail" {
  description = "Address that gets alarms of machines."
  type        = string
  default     = null
}
