# S3 -> EventBridge -> SNS -> Snowpipe's queue: for tables with load_method "snowpipe".
resource "aws_s3_bucket_notification" "landing" {
  bucket      = var.bucket
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "created" {
  name        = "${var.name}-pipe"
  description = "A file for Snowpipe was landed"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket] }
      object = { key = [{ prefix = "${var.landing_prefix}pipe/" }] }
    }
  })
}

# The event goes on as it is: Snowpipe knows EventBridge's form (Snowflake's documentation,
# data-load-snowpipe-auto-s3, option 3).
resource "aws_cloudwatch_event_target" "topic" {
  rule      = aws_cloudwatch_event_rule.created.name
  target_id = "snowpipe"
  arn       = aws_sns_topic.pipe.arn
}
