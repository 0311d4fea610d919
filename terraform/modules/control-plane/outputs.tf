output "addresses" {
  description = "Node id to its public address."
  value       = module.machine.addresses
}
