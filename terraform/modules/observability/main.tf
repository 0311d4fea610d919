resource "aws_prometheus_workspace" "this" {
  #checkov:skip=CKV2_AWS_69:figures name no person; keys of AWS serve
  region = var.aws_region
  alias  = var.name
}

resource "aws_prometheus_rule_group_namespace" "this" {
  region       = var.aws_region
  name         = var.name
  workspace_id = aws_prometheus_workspace.this.id
  data         = var.rules
}

# CloudWatch tells topics of its own region only.
resource "aws_sns_topic" "alarms" {
  for_each          = toset(values(var.instances)[*].aws_region)
  region            = each.key
  name              = "${var.name}-alarms"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "mail" {
  for_each  = { for region, topic in aws_sns_topic.alarms : region => topic.arn if var.mail != null }
  region    = each.key
  topic_arn = each.value
  protocol  = "email"
  endpoint  = var.mail
}

# A broken host: the machine comes up on another one with its volume and address.
resource "aws_cloudwatch_metric_alarm" "host" {
  for_each            = var.instances
  region              = each.value.aws_region
  alarm_name          = "${var.name}-${each.key}-host"
  alarm_description   = "The host below ${each.key} is broken"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_System"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 2
  dimensions          = { InstanceId = each.value.id }
  alarm_actions       = ["arn:aws:automate:${each.value.aws_region}:ec2:recover", aws_sns_topic.alarms[each.value.aws_region].arn]
}
