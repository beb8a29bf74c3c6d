# How RAISE_ALERTS and failed tasks reach people: `alerts` of the configuration names these.
locals {
  alerts_role_name = "${var.name}-snowflake-alerts"
}

resource "snowflake_notification_integration" "alerts" {
  count                 = var.alerts_by_sns ? 1 : 0
  name                  = "AURORA_SYNC_ALERTS${local.suffix}"
  comment               = "Alerts of the Aurora sync, to its SNS topic"
  enabled               = true
  type                  = "QUEUE"
  direction             = "OUTBOUND"
  notification_provider = "AWS_SNS"
  aws_sns_topic_arn     = var.alarm_topic_arn
  aws_sns_role_arn      = "arn:aws:iam::${var.account_id}:role/${local.alerts_role_name}"
}

resource "snowflake_email_notification_integration" "alerts" {
  count              = length(var.alert_emails) > 0 ? 1 : 0
  name               = "AURORA_SYNC_EMAIL${local.suffix}"
  comment            = "Alerts of the Aurora sync, by mail to verified addresses"
  enabled            = true
  allowed_recipients = var.alert_emails
}

data "aws_iam_policy_document" "alerts_trust" {
  count = var.alerts_by_sns ? 1 : 0
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [snowflake_notification_integration.alerts[0].aws_sns_iam_user_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [snowflake_notification_integration.alerts[0].aws_sns_external_id]
    }
  }
}

resource "aws_iam_role" "alerts" {
  count              = var.alerts_by_sns ? 1 : 0
  name               = local.alerts_role_name
  assume_role_policy = data.aws_iam_policy_document.alerts_trust[0].json
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [var.alarm_topic_arn]
  }
  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "alerts" {
  count  = var.alerts_by_sns ? 1 : 0
  name   = "publish-alerts"
  role   = aws_iam_role.alerts[0].id
  policy = data.aws_iam_policy_document.alerts.json
}
