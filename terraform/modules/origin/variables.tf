variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "nodes" {
  description = "Node id to role, region and ports, as modules/topology gives them."
  type = map(object({
    role   = string
    region = string
    ports  = map(number)
    url    = string
  }))
}

variable "regions" {
  description = "Output `regions` of modules/network."
  type = map(object({
    aws_region      = string
    vpc_id          = string
    cidr            = string
    subnet_ids      = list(string)
    zones           = list(string)
    listener_arn    = string
    balancer_dns    = string
    balancer_zone   = string
    balancer_suffix = string
    balancer_group  = string
  }))
}

variable "configurations" {
  description = "Node id to the text of its configuration file."
  type        = map(string)
}

variable "machine" {
  description = "What a node runs on. `parameters` is the SSM path with certificates and keys; see the README of environments/aws. Checked by modules/machine."
  type = object({
    instance_type = string
    data_gb       = number
    parameters    = string
    artefacts = object({
      bucket         = string
      region         = string
      seodang_key    = string
      seodang_sha256 = string
    })
  })
}
