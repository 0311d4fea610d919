output "addresses" {
  description = "Node id to its public address."
  value       = module.machine.addresses
}

output "recordings_bucket" {
  description = "Bucket that keeps recordings."
  value       = { id = aws_s3_bucket.recordings.id, arn = aws_s3_bucket.recordings.arn }
}

output "instances" {
  description = "Node id to its instance id and AWS region."
  value       = module.machine.instances
}
