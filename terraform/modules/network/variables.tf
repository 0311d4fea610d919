variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "regions" {
  description = "Region name to the AWS region it lives in and its slot; the network is 10.(100 + slot).0.0/16."
  type = map(object({
    aws_region = string
    slot       = number
  }))

  validation {
    condition     = length(distinct([for region in values(var.regions) : region.slot])) == length(var.regions)
    error_message = "regions: two of them have the same slot."
  }
}
