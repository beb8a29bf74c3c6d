# The watchdog: asks the worker whether every source could be extracted now, see
# lambda_extract/watchdog.py.
resource "aws_cloudwatch_event_rule" "watchdog" {
  name                = "${var.name}-watchdog"
  description         = "Checks Vault or Secrets Manager, Aurora and S3"
  schedule_expression = "rate(${var.watchdog_minutes} minutes)"
}

resource "aws_cloudwatch_event_target" "watchdog" {
  rule      = aws_cloudwatch_event_rule.watchdog.name
  target_id = "extract"
  arn       = var.worker.arn
  input     = jsonencode({ watchdog = { sources = var.source_names } })

  # The next check comes anyway; a late one would only repeat it.
  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_permission" "watchdog" {
  statement_id  = "Watchdog"
  action        = "lambda:InvokeFunction"
  function_name = var.worker.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.watchdog.arn
}

resource "aws_cloudwatch_log_metric_filter" "unhealthy" {
  name           = "${var.name}-unhealthy"
  log_group_name = var.worker.log_group
  pattern        = "{ $.event = \"watchdog_source\" && $.healthy = 0 }"

  metric_transformation {
    name      = "UnhealthySources"
    namespace = var.name
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "watched" {
  name           = "${var.name}-watched"
  log_group_name = var.worker.log_group
  pattern        = "{ $.event = \"watchdog\" }"

  metric_transformation {
    name      = "Watched"
    namespace = var.name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name          = "${var.name}-unhealthy"
  alarm_description   = "A source could not be extracted now: the log's watchdog_source line has code and hint."
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.unhealthy.metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# Who watches the watchdog: no line of it in two of its periods.
resource "aws_cloudwatch_metric_alarm" "watchdog_silence" {
  alarm_name          = "${var.name}-watchdog-silence"
  alarm_description   = "The watchdog has not run: look at the EventBridge rule and at the worker's log."
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.watched.metric_transformation[0].name
  statistic           = "Sum"
  period              = var.watchdog_minutes * 60
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
