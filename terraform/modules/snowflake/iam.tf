data "aws_iam_policy_document" "storage_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [snowflake_storage_integration_aws.landing.describe_output[0].iam_user_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [snowflake_storage_integration_aws.landing.describe_output[0].external_id]
    }
  }
}

data "aws_iam_policy_document" "api_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [snowflake_api_integration_amazon_api_gateway.extract.describe_output[0].api_aws_iam_user_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [snowflake_api_integration_amazon_api_gateway.extract.describe_output[0].api_aws_external_id]
    }
  }
}

resource "aws_iam_role" "storage" {
  name               = local.storage_role_name
  assume_role_policy = data.aws_iam_policy_document.storage_trust.json
}

resource "aws_iam_role" "api" {
  name               = local.api_role_name
  assume_role_policy = data.aws_iam_policy_document.api_trust.json
}

data "aws_iam_policy_document" "storage" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${var.bucket_arn}/${var.landing_prefix}*"]
  }
  statement {
    sid       = "Locate"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.bucket_arn]
  }
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.landing_prefix}*"]
    }
  }
  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
}

data "aws_iam_policy_document" "api" {
  statement {
    actions   = ["execute-api:Invoke"]
    resources = ["${var.api_arn}/GET/extract", "${var.api_arn}/POST/extract"]
  }
}

resource "aws_iam_role_policy" "storage" {
  name   = "read-landing"
  role   = aws_iam_role.storage.id
  policy = data.aws_iam_policy_document.storage.json
}

resource "aws_iam_role_policy" "api" {
  name   = "call-api"
  role   = aws_iam_role.api.id
  policy = data.aws_iam_policy_document.api.json
}
