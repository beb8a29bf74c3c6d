variables {
  region                   = "eu-west-1"
  aws_account_id           = "123456789012"
  vpc_id                   = "vpc-0a1b2c3d4e5f60718"
  private_subnet_ids       = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"]
  private_route_table_ids  = ["rtb-0a1b2c3d4e5f60718"]
  aurora_security_group_id = "sg-0a1b2c3d4e5f60718"
  lambda_zip               = "lambda_extract.zip"
  sources = {
    shop = {
      host      = "shop.example.com"
      dbname    = "shop"
      secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/shop-AbCdEf"
    }
  }
}

run "applied" {
  command = apply

  assert {
    condition     = output.landing_url == "s3://aurora-sync-landing-123456789012-eu-west-1/landing/"
    error_message = "the stage's root has another form than the deploy script takes"
  }
  assert {
    condition     = output.storage_role_arn == "arn:aws:iam::123456789012:role/aurora-sync-snowflake-storage"
    error_message = "the integration names another role than the one made for it"
  }
  assert {
    condition     = output.api_role_arn == "arn:aws:iam::123456789012:role/aurora-sync-snowflake-api"
    error_message = "the API integration names another role than the one made for it"
  }
  assert {
    condition     = can(regex("^https://[a-z0-9-]+\\.execute-api\\.[a-z0-9-]+\\.amazonaws\\.com/v1/extract$", output.api_url))
    error_message = "the API's URL has another form than the deploy script takes"
  }
}

run "function" {
  command = apply
  module {
    source = "./modules/compute"
  }
  variables {
    name                = "aurora-sync"
    account_id          = "123456789012"
    zip                 = "lambda_extract.zip"
    memory_mb           = 1769
    concurrency         = 40
    log_retention_days  = 365
    aurora_port         = 5432
    secret_kms_key_arns = []
    subnet_ids          = ["subnet-0a1b2c3d4e5f60718"]
    security_group_id   = "sg-0a1b2c3d4e5f60718"
    bucket              = "landing-bucket"
    bucket_arn          = "arn:aws:s3:::landing-bucket"
    landing_prefix      = "landing/"
    kms_key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
    caller_role_name    = "aurora-sync-snowflake-api"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.function.policy).Statement :
      alltrue([for action in flatten([statement.Action]) : !strcontains(action, "*")])
    ])
    error_message = "a wildcard action"
  }
  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_role_policy.function.policy).Statement :
      statement.Sid if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "*")
    ]) == toset(["Interfaces", "Trace"])
    error_message = "a wildcard resource where AWS knows a narrower one"
  }
  assert {
    condition     = alltrue([for method in values(aws_api_gateway_method.extract) : method.authorization == "AWS_IAM"])
    error_message = "a method that anybody may call"
  }
  assert {
    condition = (
      jsondecode(aws_api_gateway_rest_api_policy.extract.policy).Statement[0].Principal.AWS
      == "arn:aws:sts::123456789012:assumed-role/aurora-sync-snowflake-api/snowflake"
    )
    error_message = "the API may be called by others than Snowflake's session"
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.extract.maximum_retry_attempts == 0
    error_message = "Lambda would repeat workers"
  }
  assert {
    condition = jsondecode(aws_lambda_function.extract.environment[0].variables["SOURCES"]) == {
      shop = {
        host        = "shop.example.com"
        port        = 5432
        dbname      = "shop"
        sslmode     = "verify-full"
        credentials = { kind = "secrets_manager", secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/shop-AbCdEf" }
      }
    }
    error_message = "settings.py would read something else"
  }
}

run "landing" {
  command = apply
  module {
    source = "./modules/storage"
  }
  variables {
    name           = "aurora-sync"
    account_id     = "123456789012"
    landing_prefix = "landing/"
    retention_days = 7
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.landing.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "the bucket answers without TLS"
  }
  assert {
    condition = (
      aws_s3_bucket_public_access_block.landing.block_public_acls
      && aws_s3_bucket_public_access_block.landing.block_public_policy
      && aws_s3_bucket_public_access_block.landing.ignore_public_acls
      && aws_s3_bucket_public_access_block.landing.restrict_public_buckets
    )
    error_message = "the bucket can be made public"
  }
}

run "trust" {
  command = apply
  module {
    source = "./modules/snowflake"
  }
  variables {
    name           = "aurora-sync"
    account_id     = "123456789012"
    bucket         = "landing-bucket"
    bucket_arn     = "arn:aws:s3:::landing-bucket"
    landing_prefix = "landing/"
    kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
    api_url        = "https://abc.execute-api.eu-west-1.amazonaws.com/v1/extract"
    api_arn        = "arn:aws:execute-api:eu-west-1:123456789012:abc/v1"
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
    condition     = snowflake_storage_integration_aws.landing.storage_aws_role_arn == aws_iam_role.storage.arn
    error_message = "the integration names another role than the one made for it"
  }
}

run "one_subnet_is_refused" {
  command = plan
  variables {
    private_subnet_ids = ["subnet-0a1b2c3d4e5f60718"]
  }
  expect_failures = [var.private_subnet_ids]
}
