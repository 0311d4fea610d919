variable "regions" {
  description = <<-EOT
    Regions by name. `slot` is the region's own number (0 to 63): ports and networks are made from it, so that a region
    that comes or goes moves nobody else's. Never give a slot to another region while the first one runs.
  EOT
  type = map(object({
    slot      = number
    latitude  = number
    longitude = number
    edges     = optional(number, 1)
    cdns      = optional(number, 1)
  }))

  validation {
    condition     = length(var.regions) > 0
    error_message = "regions: a fleet has at least one."
  }
  validation {
    condition     = alltrue([for name in keys(var.regions) : can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", name))])
    error_message = "regions: names are DNS labels: a lower-case letter, then up to 39 letters, digits and hyphens, no hyphen last. Wrong: ${join(", ", [for name in keys(var.regions) : name if !can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", name))])}."
  }
  validation {
    condition     = alltrue([for name, region in var.regions : abs(region.latitude) <= 90 && abs(region.longitude) <= 180])
    error_message = "regions: latitude is -90 to 90, longitude -180 to 180. Off the globe: ${join(", ", [for name, region in var.regions : name if abs(region.latitude) > 90 || abs(region.longitude) > 180])}."
  }
  validation {
    condition     = alltrue([for region in values(var.regions) : region.slot >= 0 && region.slot <= 63 && floor(region.slot) == region.slot])
    error_message = "regions: slot is a whole number, 0 to 63."
  }
  validation {
    condition     = length(distinct([for region in values(var.regions) : region.slot])) == length(var.regions)
    error_message = "regions: two of them have the same slot."
  }
  validation {
    condition     = alltrue([for region in values(var.regions) : contains([0, 1, 2, 3], region.edges) && contains([0, 1, 2, 3, 4], region.cdns)])
    error_message = "regions: edges is 0 to 3, cdns is 0 to 4."
  }
}

variable "control_planes" {
  description = "Control planes: name to the region it stands in. One with the embedded store, three or five with etcd."
  type        = map(string)

  validation {
    condition     = length(var.control_planes) > 0 && alltrue([for name in keys(var.control_planes) : can(regex("^[a-z]([a-z0-9-]{0,58}[a-z0-9])?$", name))])
    error_message = "control_planes: at least one; names are DNS labels."
  }
  validation {
    condition     = alltrue([for region in values(var.control_planes) : contains(keys(var.regions), region)])
    error_message = "control_planes: unknown region ${join(", ", [for region in values(var.control_planes) : region if !contains(keys(var.regions), region)])}; the regions are ${join(", ", keys(var.regions))}."
  }
  validation {
    condition     = length(var.control_planes) == 1 || length(var.etcd) > 0
    error_message = "control_planes: several share an etcd; the embedded store belongs to one."
  }
  validation {
    condition     = length(var.control_planes) == 1 || var.database == "postgres"
    error_message = "control_planes: several share one PostgreSQL (database = \"postgres\"); the file of SQLite belongs to one."
  }
}

variable "database" {
  description = "Where people and classes are: `sqlite` in the control plane's own folder, or `postgres`, whose URL (a secret) comes by SEODANG_CONTROL_PLANE__DATABASE."
  type        = string
  default     = "sqlite"

  validation {
    condition     = contains(["sqlite", "postgres"], var.database)
    error_message = "database: sqlite or postgres."
  }
}

variable "dns" {
  description = "Zone the control planes answer for by position (`edge.ZONE`, `cdn.ZONE`), delegated to them by name. Null: they answer no DNS."
  type = object({
    zone  = string
    ttl_s = optional(number, 30)
  })
  default = null

  validation {
    condition     = var.dns == null ? true : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.dns.zone)) && var.dns.ttl_s >= 1 && var.dns.ttl_s <= 3600
    error_message = "dns: zone is a DNS name in lower case, like live.class.example.org; ttl_s is 1 to 3600."
  }
  validation {
    condition     = var.dns == null || var.domain != null
    error_message = "dns: name servers are found by name; give a domain."
  }
}

variable "origin" {
  description = "The origin: its name and the region it stands in."
  type = object({
    name   = optional(string, "origin")
    region = string
  })

  validation {
    condition     = contains(keys(var.regions), var.origin.region)
    error_message = "origin: unknown region ${var.origin.region}; the regions are ${join(", ", keys(var.regions))}."
  }
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,58}[a-z0-9])?$", var.origin.name))
    error_message = "origin: the name is a DNS label."
  }
}

variable "etcd" {
  description = "Members of the etcd cluster, `https://host:port` each. Empty: the one control plane keeps its own store."
  type        = list(string)
  default     = []

  validation {
    condition     = contains([0, 1, 3, 5], length(var.etcd)) && alltrue([for member in var.etcd : can(regex("^https?://[^/]+:[0-9]+$", member))])
    error_message = "etcd: none, one, three or five of https://host:port."
  }
}

variable "loopback" {
  description = "Everything on this machine, ports from `port_base`. Either this or `domain`."
  type        = object({ port_base = number })
  default     = null

  validation {
    condition     = (var.loopback == null) != (var.domain == null)
    error_message = "loopback, domain: give one of the two."
  }
  validation {
    condition     = var.loopback == null ? true : var.loopback.port_base >= 1024 && var.loopback.port_base <= 64000
    error_message = "loopback: port_base is 1024 to 64000."
  }
}

variable "domain" {
  description = "Domain of the fleet, for nodes on machines of their own. Users reach ID.DOMAIN, nodes ID.node.DOMAIN."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null ? true : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain: a DNS name in lower case, like class.example.org."
  }
}

variable "public_addresses" {
  description = "Node id to the public address written into its ICE candidates, where the machine does not have it itself."
  type        = map(string)
  default     = {}
}

variable "trusted_proxies" {
  description = "Networks of load balancers whose X-Forwarded-For the control planes believe."
  type        = list(string)
  default     = []
}

variable "directories" {
  description = "Where a node finds its certificates, and where it keeps what must last. `{id}` stands for the node's id."
  type = object({
    certificates = optional(string, "/etc/seodang")
    data         = optional(string, "/var/lib/seodang")
    upstream_ca  = optional(string, "/etc/pki/tls/certs/ca-bundle.crt")
  })
  default = {}
}
