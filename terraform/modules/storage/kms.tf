data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_111:a key policy; "*" is the one key that it is attached to
  #checkov:skip=CKV_AWS_109:a key policy; without it nobody could administer the key
  #checkov:skip=CKV_AWS_356:a key policy; "*" is the one key that it is attached to
  # policies.py: aws_kms_key.this UNKNOWN_CONDITION_FOR_ACTION: AWS's own example for CloudWatch Logs has Describe* under it as well
  # policies.py: aws_kms_key.this RESOURCE_STAR: in a key policy "*" is the key that it is attached to
  # The account's own IAM policies decide who uses the key; key administration is listed.
  statement {
    sid = "AccountPolicies"
    actions = [
      "kms:CancelKeyDeletion", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey",
      "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation", "kms:Encrypt",
      "kms:GenerateDataKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
      "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListResourceTags",
      "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion",
      "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
    ]
    # In a key policy "*" is the key that the policy is attached to.
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }

  statement {
    sid = "Logs"
    # What CloudWatch Logs asks for, spelled out: Encrypt*, Decrypt*, ReEncrypt*,
    # GenerateDataKey*, Describe*.
    actions = [
      "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
      "kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext",
      "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
    ]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:${var.region}:${var.account_id}:log-group:/${var.name}/*"]
    }
  }

  # Alarms are published to an encrypted topic.
  statement {
    sid       = "Alarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  # So are new files for Snowpipe; EventBridge gives no context to compare (see pipe/sns.tf).
  dynamic "statement" {
    for_each = var.pipes ? [1] : []
    content {
      sid       = "NewFiles"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"]
      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "${var.name}: landing objects, logs, dead letters, alarms, environment"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}
