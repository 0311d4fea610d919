variable "domain" {
  description = "Domain of the fleet."
  type        = string
}

variable "zone_id" {
  description = "Route53 zone that holds the domain."
  type        = string
}

variable "nodes" {
  description = "Node id to its region and URL."
  type = map(object({
    region = string
    url    = string
  }))
}

variable "addresses" {
  description = "Node id to its public address, for ID.node.DOMAIN."
  type        = map(string)
}

variable "regions" {
  description = "Region name to its AWS region and load balancer."
  type = map(object({
    aws_region    = string
    balancer_dns  = string
    balancer_zone = string
  }))
}

variable "nearest" {
  description = "Label below the domain to the regions that answer to it: users get the nearest healthy one."
  type        = map(set(string))

  validation {
    condition     = alltrue(flatten([for regions in values(var.nearest) : [for region in regions : contains(keys(var.regions), region)]]))
    error_message = "nearest: an unknown region; the regions are ${join(", ", keys(var.regions))}."
  }
}

variable "aliases" {
  description = "Host name to the CloudFront distribution it leads to."
  type        = map(object({ name = string, zone = string }))
  default     = {}
}

variable "delegations" {
  description = "Label below the domain to name servers of one's own that answer for it by position. Not a label of `nearest`."
  type        = map(set(string))
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.delegations), keys(var.nearest))) == 0
    error_message = "delegations: a label is either delegated or answered by latency, not both."
  }
}
