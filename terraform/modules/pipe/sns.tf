locals {
  topic_arn = "arn:aws:sns:${var.region}:${var.account_id}:${var.name}-pipe"
}

resource "aws_sns_topic" "pipe" {
  name              = "${var.name}-pipe"
  kms_master_key_id = var.kms_key_arn
}

# Snowflake says which of its users subscribes; it needs the topic's name only.
data "snowflake_system_get_aws_sns_iam_policy" "pipe" {
  aws_sns_topic_arn = local.topic_arn
}

data "aws_iam_policy_document" "pipe" {
  # EventBridge gives SNS no context: with a condition nothing is ever published ("You can't
  # use Condition blocks in Amazon SNS topic policies for EventBridge", its user guide).
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
  statement {
    sid       = "Subscribe"
    actions   = ["sns:Subscribe"]
    resources = [local.topic_arn]
    principals {
      type        = "AWS"
      identifiers = [jsondecode(data.snowflake_system_get_aws_sns_iam_policy.pipe.aws_sns_topic_policy_json).Statement[0].Principal.AWS]
    }
  }
}

resource "aws_sns_topic_policy" "pipe" {
  arn    = aws_sns_topic.pipe.arn
  policy = data.aws_iam_policy_document.pipe.json
}
