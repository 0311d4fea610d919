output "addresses" {
  description = "Node id to its public address."
  value       = local.addresses
}

output "security_groups" {
  description = "Region name to the security group of these nodes."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

output "instances" {
  description = "Node id to its instance id and AWS region."
  value       = { for id, node in local.placed : id => { id = aws_instance.this[id].id, aws_region = node.place.aws_region } }
}

output "target_groups" {
  description = "Node id to its target group."
  value       = { for id, group in aws_lb_target_group.this : id => group.arn }
}

output "target_group_suffixes" {
  description = "Node id to the suffix by which CloudWatch knows its target group."
  value       = { for id, group in aws_lb_target_group.this : id => group.arn_suffix }
}
