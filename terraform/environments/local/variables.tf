variable "binary" {
  description = "The seodang binary."
  type        = string

  validation {
    condition     = fileexists(pathexpand(var.binary))
    error_message = "binary: there is no file ${var.binary}; `cargo build --release` makes target/release/seodang."
  }
}

variable "data_dir" {
  description = "Everything that is kept: certificates, keys, configuration files, logs, recordings."
  type        = string
  default     = "./data"
}

variable "port_base" {
  description = "First of the ports; each region takes 20 from port_base + 40 + 20 × slot."
  type        = number
  default     = 20000
}

variable "regions" {
  description = "Regions by name; see modules/topology. A region that is added starts, one that is removed ends."
  type = map(object({
    slot      = number
    latitude  = number
    longitude = number
    edges     = optional(number, 1)
    cdns      = optional(number, 1)
  }))
  default = {
    seoul     = { slot = 0, latitude = 37.5665, longitude = 126.9780 }
    gangneung = { slot = 1, latitude = 37.7519, longitude = 128.8761 }
    jeju      = { slot = 2, latitude = 33.4996, longitude = 126.5312 }
  }
}

variable "home" {
  description = "Region of the origin and of the control planes."
  type        = string
  default     = "seoul"
}

variable "etcd" {
  description = "Three etcd members, a PostgreSQL and two control planes instead of one control plane with its own store and SQLite. Needs etcd 3.4 or newer and PostgreSQL; without the latter it is one control plane."
  type        = bool
  default     = false
}

variable "postgres" {
  description = "Folder below which PostgreSQL's programs are (VERSION/bin/initdb); the last version is taken. Empty: none."
  type        = string
  default     = "/usr/lib/postgresql"
}
