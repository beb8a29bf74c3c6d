provider "snowflake" {
  preview_features_enabled = [
    "snowflake_api_integration_amazon_api_gateway_resource",
    "snowflake_email_notification_integration_resource",
    "snowflake_notification_integration_resource",
    "snowflake_storage_integration_aws_resource",
    "snowflake_system_get_aws_sns_iam_policy_datasource",
  ]
}

variables {
  name           = "aurora-sync"
  account_id     = "123456789012"
  region         = "eu-west-1"
  kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
  landing_prefix = "landing/"
  bucket         = "landing-bucket"
}

run "trust" {
  command = apply
  module {
    source = "./modules/snowflake"
  }
  variables {
    bucket_arn  = "arn:aws:s3:::landing-bucket"
    api_url     = "https://abc.execute-api.eu-west-1.amazonaws.com/v1/extract"
    api_arn     = "arn:aws:execute-api:eu-west-1:123456789012:abc/v1"
    private_api = false
    environment = "dev"

    alerts_by_sns   = true
    alert_emails    = []
    alarm_topic_arn = "arn:aws:sns:eu-west-1:123456789012:aurora-sync-alarms"
  }

  assert {
    condition = alltrue([
      for name in [
        snowflake_storage_integration_aws.landing.name,
        snowflake_api_integration_amazon_api_gateway.extract.name,
        snowflake_notification_integration.alerts[0].name,
      ] : endswith(name, "_DEV")
    ])
    error_message = "an integration lacks the suffix of its environment"
  }
  assert {
    condition     = join(",", output.notification_integrations) == "AURORA_SYNC_ALERTS_DEV"
    error_message = "the deployment is not told which integrations to grant"
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.storage.assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"]
      == snowflake_storage_integration_aws.landing.describe_output[0].external_id
    )
    error_message = "the storage role does not pin Snowflake's external id"
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.api.assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"]
      == snowflake_api_integration_amazon_api_gateway.extract.describe_output[0].api_aws_external_id
    )
    error_message = "the API role does not pin Snowflake's external id"
  }
  assert {
    condition = (
      jsondecode(aws_iam_role.alerts[0].assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"]
      == snowflake_notification_integration.alerts[0].aws_sns_external_id
    )
    error_message = "the alerts role does not pin Snowflake's external id"
  }
  assert {
    condition = alltrue([
      for role in [aws_iam_role.storage, aws_iam_role.api, aws_iam_role.alerts[0]] :
      can(regex("^arn:aws:iam::[0-9]+:user/", jsondecode(role.assume_role_policy).Statement[0].Principal.AWS))
    ])
    error_message = "a role trusts something else than one user of Snowflake's"
  }
  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role_policy.storage.policy, aws_iam_role_policy.api.policy, aws_iam_role_policy.alerts[0].policy] : [
        for statement in jsondecode(policy).Statement : [
          for text in flatten([statement.Action, statement.Resource]) : !strcontains(text, "*") || text == "arn:aws:s3:::landing-bucket/landing/*"
        ]
      ]
    ]))
    error_message = "Snowflake's roles have a wildcard beside the landing prefix"
  }
  assert {
    condition = !anytrue([
      for statement in jsondecode(aws_iam_role_policy.storage.policy).Statement :
      anytrue([for action in flatten([statement.Action]) : can(regex("Put|Delete", action))])
    ])
    error_message = "Snowflake may write to the landing bucket"
  }
  assert {
    condition     = snowflake_storage_integration_aws.landing.storage_aws_role_arn == aws_iam_role.storage.arn
    error_message = "the integration names another role than the one made for it"
  }
}

run "pipe" {
  command = apply
  module {
    source = "./modules/pipe"
  }

  assert {
    condition = (
      jsondecode(aws_sns_topic_policy.pipe.policy).Statement[0].Principal.Service == "events.amazonaws.com"
      && jsondecode(aws_sns_topic_policy.pipe.policy).Statement[0].Action == "sns:Publish"
      && !can(jsondecode(aws_sns_topic_policy.pipe.policy).Statement[0].Condition)
    )
    error_message = "EventBridge cannot publish: it meets no condition"
  }
  assert {
    condition = (
      length(jsondecode(aws_sns_topic_policy.pipe.policy).Statement) == 2
      && jsondecode(aws_sns_topic_policy.pipe.policy).Statement[1].Action == "sns:Subscribe"
      && can(regex("^arn:aws:iam::[0-9]+:user/", jsondecode(aws_sns_topic_policy.pipe.policy).Statement[1].Principal.AWS))
    )
    error_message = "others than Snowflake's user may subscribe"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.created.event_pattern).detail.object.key == [{ prefix = "landing/pipe/" }]
    error_message = "Snowpipe is told of files that are not its own"
  }
  assert {
    condition     = aws_sns_topic.pipe.kms_master_key_id == var.kms_key_arn
    error_message = "the topic is not encrypted with our key"
  }
}
