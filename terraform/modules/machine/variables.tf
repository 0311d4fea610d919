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

variable "open" {
  description = "Ports open to everybody, by a word for each. Each of them demands certificates or ICE credentials."
  type = map(object({
    protocol = string
    port     = number
  }))
  default = {}
}

variable "secret_settings" {
  description = "Names of the settings a node gets from SSM parameters of the same name below PARAMETERS/keys."
  type        = set(string)
  default     = []
}

variable "host_names" {
  description = "Further host names users reach all these nodes by, through the load balancer of the region."
  type        = list(string)
  default     = []
}

variable "machine" {
  description = "What a node runs on. `parameters` is the SSM path with certificates and keys; see the README of environments/aws."
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

  validation {
    condition     = startswith(var.machine.parameters, "/") && can(regex("^[0-9a-f]{64}$", var.machine.artefacts.seodang_sha256))
    error_message = "machine: parameters is a path that begins with /, seodang_sha256 has 64 hexadecimal digits."
  }
}

variable "policies" {
  description = "Name to further IAM policy (JSON) of every node."
  type        = map(string)
  default     = {}
}

variable "setup" {
  description = "Shell run before the node starts: what the role needs besides."
  type        = string
  default     = ""
}

variable "is_low_port" {
  description = "Whether the node may listen on ports below 1024."
  type        = bool
  default     = false
}
