output "addresses" {
  description = "Node id to its public address."
  value       = module.machine.addresses
}

output "instances" {
  description = "Node id to its instance id and AWS region."
  value       = module.machine.instances
}
