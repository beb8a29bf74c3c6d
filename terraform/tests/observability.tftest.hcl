variables {
  name             = "aurora-sync"
  account_id       = "123456789012"
  front            = { name = "aurora-sync-front", log_group = "/aurora-sync/front", timeout_seconds = 30 }
  worker           = { name = "aurora-sync-worker", arn = "arn:aws:lambda:eu-west-1:123456789012:function:aurora-sync-worker", log_group = "/aurora-sync/worker", timeout_seconds = 300 }
  dead_letters     = "aurora-sync-dead-letters"
  kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
  silence_hours    = 3
  alarm_emails     = ["data-team@example.com"]
  source_names     = ["crm", "shop"]
  watchdog_minutes = 60

  log_sources            = ["shop"]
  log_silence_hours      = 3
  log_retained_gigabytes = 20
}

run "alarms" {
  command = apply
  module {
    source = "./modules/observability"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.silence.treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.silence.evaluation_periods == 3
      && aws_cloudwatch_metric_alarm.silence.period == 3600
    )
    error_message = "silence is taken for health"
  }
  # B1: a message that nobody fetches must not keep the alarm from telling of the next.
  assert {
    condition     = aws_cloudwatch_metric_alarm.dead_letters.metric_name == "NumberOfMessagesSent" && aws_cloudwatch_metric_alarm.dead_letters.statistic == "Sum"
    error_message = "B1: one dead letter keeps the alarm on for 14 days"
  }
  assert {
    condition = alltrue([
      for key, alarm in aws_cloudwatch_metric_alarm.function :
      alarm.dimensions.FunctionName == (startswith(key, "front-") ? "aurora-sync-front" : "aurora-sync-worker")
    ]) && aws_cloudwatch_log_metric_filter.requests.log_group_name == "/aurora-sync/front" && aws_cloudwatch_log_metric_filter.watched.log_group_name == "/aurora-sync/worker"
    error_message = "A7: an alarm looks at the function that does something else"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.function["front-duration"].threshold == 27000 && aws_cloudwatch_metric_alarm.function["worker-duration"].threshold == 270000
    error_message = "a function that is about to be killed raises no alarm"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.watchdog_silence.treat_missing_data == "breaching"
    error_message = "nobody notices that the watchdog is gone"
  }
  assert {
    condition = (
      toset(keys(aws_cloudwatch_metric_alarm.captures)) == toset(["shop"])
      && aws_cloudwatch_metric_alarm.captures["shop"].treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.captures["shop"].dimensions == tomap({ Source = "shop" })
      && aws_cloudwatch_metric_alarm.captures["shop"].alarm_actions == toset([aws_sns_topic.alarms.arn])
    )
    error_message = "a slot that nobody reads fills the server's disk without a word"
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.retained["shop"].threshold == 20
      && aws_cloudwatch_metric_alarm.retained["shop"].alarm_actions == toset([aws_sns_topic.alarms.arn])
      && alltrue([for filter in values(aws_cloudwatch_log_metric_filter.retained) : filter.metric_transformation[0].name == "RetainedGigabytes" && filter.log_group_name == "/aurora-sync/worker"])
    )
    error_message = "nobody notices how much WAL a slot holds back"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.watchdog.input) == { watchdog = { sources = ["crm", "shop"] } }
    error_message = "handler.py expects another event"
  }
  assert {
    condition     = aws_lambda_permission.watchdog.source_arn == aws_cloudwatch_event_rule.watchdog.arn
    error_message = "other rules may invoke the function"
  }
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.function), [aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.silence, aws_cloudwatch_metric_alarm.unhealthy, aws_cloudwatch_metric_alarm.watchdog_silence]) :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])
    ])
    error_message = "an alarm that tells nobody"
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn
    error_message = "alarms are not encrypted with our key"
  }
}
