output "addresses" {
  description = "Node id to its public address."
  value       = module.machine.addresses
}

output "cloudfront" {
  description = "Host name to the CloudFront name and zone it leads to. Empty without CloudFront."
  value       = { for name, distribution in aws_cloudfront_distribution.this : name => { name = distribution.domain_name, zone = distribution.hosted_zone_id } }
}

output "instances" {
  description = "Node id to its instance id and AWS region."
  value       = module.machine.instances
}
