output "names" {
  description = "Names made."
  value       = sort(distinct(concat([for record in aws_route53_record.node : record.name], [for record in aws_route53_record.nearest : record.name])))
}
