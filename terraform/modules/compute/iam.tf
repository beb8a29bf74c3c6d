data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-function"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "function" {
  #checkov:skip=CKV_AWS_111:X-Ray knows no resources, and takes nothing but measurements
  # policies.py: aws_iam_role_policy.function RESOURCE_MISMATCH: AWS wants every resource of the account for interfaces, see there
  # policies.py: aws_iam_role_policy.function UNKNOWN_CONDITION_FOR_ACTION: Lambda adds lambda:SourceFunctionArn to every call of the code
  statement {
    sid       = "LandingObjects"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arn}/${var.landing_prefix}*"]
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

  statement {
    sid       = "StartWorker"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.function_arn]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
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
    actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
    resources = ["arn:aws:ec2:${var.region}:${var.account_id}:*/*"]
  }

  statement {
    sid       = "ListInterfaces"
    actions   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
    resources = ["*"]
  }

  statement {
    sid       = "NoInterfacesForTheCode"
    effect    = "Deny"
    actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = [local.function_arn]
    }
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "extract"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}
