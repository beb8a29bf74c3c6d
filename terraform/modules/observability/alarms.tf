locals {
  function_alarms = {
    errors    = { metric = "Errors", statistic = "Sum", threshold = 0 }
    throttles = { metric = "Throttles", statistic = "Sum", threshold = 0 }
    # Milliseconds: nine tenths of the time-out.
    duration = { metric = "Duration", statistic = "Maximum", threshold = var.timeout_seconds * 900 }
  }
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each            = local.function_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "The extraction function: ${each.key}. See docs/RUNBOOK.md."
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = var.function_name }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "A worker ended without a reply. See docs/RUNBOOK.md, worker_lost."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_letters }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# lambda_extract/handler.py logs "claimed" once for each request that it takes on.
resource "aws_cloudwatch_log_metric_filter" "requests" {
  name           = "${var.name}-requests"
  log_group_name = var.log_group
  pattern        = "{ $.event = \"claimed\" }"

  metric_transformation {
    name      = "Requests"
    namespace = var.name
    value     = "1"
  }
}

# The dead man's: silence is no data, and no data is the alarm.
resource "aws_cloudwatch_metric_alarm" "silence" {
  alarm_name          = "${var.name}-silence"
  alarm_description   = "Snowflake asked for no extract in ${var.silence_hours} h: are the tasks running?"
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.requests.metric_transformation[0].name
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.silence_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
