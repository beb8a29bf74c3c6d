variables {
  name             = "aurora-sync"
  account_id       = "123456789012"
  function_name    = "aurora-sync-extract"
  function_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:aurora-sync-extract"
  log_group        = "/aurora-sync/function"
  dead_letters     = "aurora-sync-dead-letters"
  timeout_seconds  = 300
  kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
  silence_hours    = 3
  alarm_emails     = ["data-team@example.com"]
  source_names     = ["crm", "shop"]
  watchdog_minutes = 60
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
  assert {
    condition     = aws_cloudwatch_metric_alarm.watchdog_silence.treat_missing_data == "breaching"
    error_message = "nobody notices that the watchdog is gone"
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
