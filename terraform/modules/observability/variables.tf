variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "aws_region" {
  description = "AWS region of the Prometheus workspace."
  type        = string
}

variable "rules" {
  description = "Prometheus rules, the text of dashboards/alerts.yml."
  type        = string
}

variable "instances" {
  description = "Node id to its instance id and AWS region."
  type        = map(object({ id = string, aws_region = string }))
}

variable "mail" {
  description = "Address that gets alarms of machines. Null: nobody."
  type        = string
  default     = null
}
