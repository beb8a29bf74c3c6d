# Sources of mode log: what a slot holds back, and when it was read last. The server keeps WAL
# until the next capture, until its disk is full. See lambda_extract/operations/dispatch.py
# ("captured") and lambda_extract/watchdog.py ("watchdog_log").
locals {
  # One metric each: both lines have the same field.
  retained = { captured = "captured", watched = "watchdog_log" }
}

resource "aws_cloudwatch_log_metric_filter" "retained" {
  for_each       = length(var.log_sources) > 0 ? local.retained : {}
  name           = "${var.name}-retained-${each.key}"
  log_group_name = var.worker.log_group
  pattern        = "{ $.event = \"${each.value}\" && $.retained_gigabytes >= 0 }"

  metric_transformation {
    name       = "RetainedGigabytes"
    namespace  = var.name
    value      = "$.retained_gigabytes"
    dimensions = { Source = "$.source" }
  }
}

resource "aws_cloudwatch_log_metric_filter" "captures" {
  count          = length(var.log_sources) > 0 ? 1 : 0
  name           = "${var.name}-captures"
  log_group_name = var.worker.log_group
  pattern        = "{ $.event = \"captured\" }"

  metric_transformation {
    name       = "Captures"
    namespace  = var.name
    value      = "1"
    dimensions = { Source = "$.source" }
  }
}

resource "aws_cloudwatch_metric_alarm" "retained" {
  for_each            = toset(var.log_sources)
  alarm_name          = "${var.name}-retained-${each.key}"
  alarm_description   = "The replication slot of source ${each.key} holds back more than ${var.log_retained_gigabytes} GB of WAL: see SYNC_LOGS, and Alarms in docs/RUNBOOK.md."
  namespace           = var.name
  metric_name         = "RetainedGigabytes"
  dimensions          = { Source = each.key }
  statistic           = "Maximum"
  period              = var.watchdog_minutes * 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.log_retained_gigabytes
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# Silence is no data, and no data is the alarm.
resource "aws_cloudwatch_metric_alarm" "captures" {
  for_each            = toset(var.log_sources)
  alarm_name          = "${var.name}-captures-${each.key}"
  alarm_description   = "The log of source ${each.key} was not captured for ${var.log_silence_hours} h: do its groups run? The server keeps its WAL."
  namespace           = var.name
  metric_name         = "Captures"
  dimensions          = { Source = each.key }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.log_silence_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
