locals {
  # Times in milliseconds. Throttled workers are no failure: their events wait.
  function_alarms = {
    front-errors    = { function = var.front.name, metric = "Errors", statistic = "Sum", threshold = 0 }
    front-throttles = { function = var.front.name, metric = "Throttles", statistic = "Sum", threshold = 0 }
    front-duration  = { function = var.front.name, metric = "Duration", statistic = "Maximum", threshold = var.front.timeout_seconds * 900 }
    worker-errors   = { function = var.worker.name, metric = "Errors", statistic = "Sum", threshold = 0 }
    worker-duration = { function = var.worker.name, metric = "Duration", statistic = "Maximum", threshold = var.worker.timeout_seconds * 900 }
    # A worker that is started 240 s after its claim gives up.
    worker-waiting = { function = var.worker.name, metric = "AsyncEventAge", statistic = "Maximum", threshold = 180000 }
  }
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each            = local.function_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.key}: see Alarms in docs/RUNBOOK.md."
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = each.value.function }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# Messages that come, not messages that are there: one stays for 14 days, and an alarm that
# is on all that time would tell of no other.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "A worker ended without a reply. See Alarms in docs/RUNBOOK.md."
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesSent"
  dimensions          = { QueueName = var.dead_letters }
  statistic           = "Sum"
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
  log_group_name = var.front.log_group
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
