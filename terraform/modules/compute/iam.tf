data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "front" {
  name               = "${var.name}-front"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role" "worker" {
  name               = "${var.name}-worker"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# What both functions need.
data "aws_iam_policy_document" "function" {
  #checkov:skip=CKV_AWS_111:X-Ray knows no resources, and takes nothing but measurements
  for_each = {
    front  = { arn = local.front_arn, log_group_arn = aws_cloudwatch_log_group.front.arn }
    worker = { arn = local.worker_arn, log_group_arn = aws_cloudwatch_log_group.worker.arn }
  }

  # Without it a missing object reads as a refusal.
  statement {
    sid       = "LandingList"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }

  # The front starts workers, a worker may hand over to the next one; nobody starts a front.
  statement {
    sid       = "StartWorker"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.worker_arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${each.value.log_group_arn}:*"]
  }

  # X-Ray knows no resources.
  statement {
    sid       = "Trace"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # Lambda itself, not the code, makes the interfaces. Every resource of the account, says
  # AWS, or the function may not get into its subnets; what it lists knows no resources.
  statement {
    sid       = "Interfaces"
    actions   = local.interface_actions
    resources = ["arn:aws:ec2:${var.region}:${var.account_id}:*/*"]
  }

  statement {
    sid       = "ListInterfaces"
    actions   = local.interface_lists
    resources = ["*"]
  }

  statement {
    sid       = "NoInterfacesForTheCode"
    effect    = "Deny"
    actions   = concat(local.interface_actions, local.interface_lists)
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = [each.value.arn]
    }
  }
}

locals {
  # As in AWS's own policy AWSLambdaVPCAccessExecutionRole.
  interface_actions = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses",
  ]
  interface_lists = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
}

# The front knows jobs and nothing else: no data object, no secret, no database.
data "aws_iam_policy_document" "front" {
  # policies.py: aws_iam_role_policy.front RESOURCE_MISMATCH: AWS wants every resource of the account for interfaces, see there
  # policies.py: aws_iam_role_policy.front UNKNOWN_CONDITION_FOR_ACTION: Lambda adds lambda:SourceFunctionArn to every call of the code
  source_policy_documents = [data.aws_iam_policy_document.function["front"].json]

  statement {
    sid       = "Jobs"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arn}/${var.landing_prefix}jobs/*"]
  }
}

data "aws_iam_policy_document" "worker" {
  # policies.py: aws_iam_role_policy.worker RESOURCE_MISMATCH: AWS wants every resource of the account for interfaces, see there
  # policies.py: aws_iam_role_policy.worker UNKNOWN_CONDITION_FOR_ACTION: Lambda adds lambda:SourceFunctionArn to every call of the code
  source_policy_documents = [data.aws_iam_policy_document.function["worker"].json]

  statement {
    sid       = "LandingObjects"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arn}/${var.landing_prefix}*"]
  }

  statement {
    sid       = "Sources"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arn}/${local.settings_prefix}*"]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  dynamic "statement" {
    for_each = length(local.secret_ids) > 0 ? [1] : []
    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = local.secret_ids
    }
  }

  # A login token is signed without asking anybody; this is what Aurora looks at.
  dynamic "statement" {
    for_each = length(local.database_users) > 0 ? [1] : []
    content {
      sid       = "DatabaseUsers"
      actions   = ["rds-db:connect"]
      resources = local.database_users
    }
  }

  dynamic "statement" {
    for_each = length(var.secret_kms_key_arns) > 0 ? [1] : []
    content {
      sid       = "SecretKeys"
      actions   = ["kms:Decrypt"]
      resources = var.secret_kms_key_arns
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${var.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role_policy" "front" {
  name   = "front"
  role   = aws_iam_role.front.id
  policy = data.aws_iam_policy_document.front.json
}

resource "aws_iam_role_policy" "worker" {
  name   = "extract"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.worker.json
}
