# Each node reads its own certificate and the keys of its role, the binary, and nothing else.
data "aws_caller_identity" "this" {}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "node" {
  for_each = local.placed
  statement {
    sid     = "OwnParameters"
    actions = ["ssm:GetParameter"]
    resources = concat(
      [for name in ["ca.pem", "${each.key}.pem", "${each.key}.key"] : "arn:aws:ssm:${each.value.place.aws_region}:${data.aws_caller_identity.this.account_id}:parameter${var.machine.parameters}/${name}"],
      [for name in var.secret_settings : "arn:aws:ssm:${each.value.place.aws_region}:${data.aws_caller_identity.this.account_id}:parameter${var.machine.parameters}/keys/${name}"],
    )
  }
  statement {
    sid       = "Programs"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.machine.artefacts.bucket}/*"]
  }
}

resource "aws_iam_role" "this" {
  for_each           = local.placed
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "node" {
  for_each = local.placed
  name     = "node"
  role     = aws_iam_role.this[each.key].id
  policy   = data.aws_iam_policy_document.node[each.key].json
}

resource "aws_iam_role_policy" "further" {
  for_each = { for pair in setproduct(keys(local.placed), keys(var.policies)) : "${pair[0]}/${pair[1]}" => { id = pair[0], policy = pair[1] } }
  name     = each.value.policy
  role     = aws_iam_role.this[each.value.id].id
  policy   = var.policies[each.value.policy]
}

resource "aws_iam_instance_profile" "this" {
  for_each = local.placed
  name     = "${var.name}-${each.key}"
  role     = aws_iam_role.this[each.key].name
}
