variables {
  name       = "aurora-sync"
  account_id = "123456789012"
  region     = "eu-west-1"
  zip        = "lambda_extract.zip"
  metrics    = "source"
  sources = {
    shop = {
      host   = "shop.example.com"
      dbname = "shop"
      credentials = {
        kind      = "secrets_manager"
        secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/shop-AbCdEf"
      }
    }
  }
}

run "functions" {
  command = apply
  module {
    source = "./modules/compute"
  }
  variables {
    memory_mb           = 1769
    front_concurrency   = 60
    worker_concurrency  = 40
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
    runtime             = "python3.12"

    code_signing_config_arn    = null
    vault                      = null
    snowflake_vpc_ids          = []
    manage_api_gateway_logging = true
  }

  assert {
    condition = alltrue(flatten([
      for document in [aws_iam_role_policy.front.policy, aws_iam_role_policy.worker.policy] : [
        for statement in jsondecode(document).Statement :
        [for action in flatten([statement.Action]) : !strcontains(action, "*")]
      ]
    ]))
    error_message = "a wildcard action"
  }
  assert {
    condition = alltrue([
      for document in [aws_iam_role_policy.front.policy, aws_iam_role_policy.worker.policy] :
      toset([
        for statement in jsondecode(document).Statement :
        statement.Sid if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "*")
      ]) == toset(["ListInterfaces", "Trace"])
    ])
    error_message = "a wildcard resource where AWS knows a narrower one"
  }
  # A7: the front starts workers, and is started by the API alone.
  assert {
    condition = alltrue(flatten([
      for document in [aws_iam_role_policy.front.policy, aws_iam_role_policy.worker.policy] : [
        for statement in jsondecode(document).Statement :
        statement.Resource == "arn:aws:lambda:eu-west-1:123456789012:function:aurora-sync-worker"
        if contains(flatten([statement.Action]), "lambda:InvokeFunction")
      ]
    ]))
    error_message = "A7: a function may start something else than the worker"
  }
  assert {
    condition = (
      aws_lambda_function.front.reserved_concurrent_executions == 60 &&
      aws_lambda_function.worker.reserved_concurrent_executions == 40 &&
      alltrue([for function in [aws_lambda_function.front, aws_lambda_function.worker] : function.environment[0].variables["WORKER_FUNCTION"] == aws_lambda_function.worker.function_name])
    )
    error_message = "A7: workers take the slots of Snowflake's requests"
  }
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.front.policy).Statement : [
        for action in flatten([statement.Action]) : (
          !can(regex("^(secretsmanager|rds-db|sqs):", action)) &&
          (!can(regex("^s3:.*Object", action)) || statement.Resource == "arn:aws:s3:::landing-bucket/landing/jobs/*")
        )
      ] if statement.Effect == "Allow"
    ]))
    error_message = "A7: the front may touch more than jobs"
  }
  assert {
    condition = alltrue([
      for integration in values(aws_api_gateway_integration.extract) : integration.uri == aws_lambda_function.front.invoke_arn
    ]) && alltrue([for permission in values(aws_lambda_permission.api) : permission.function_name == aws_lambda_function.front.function_name])
    error_message = "A7: the API calls a worker"
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.worker.maximum_event_age_in_seconds == 300 && aws_lambda_function_event_invoke_config.worker.function_name == aws_lambda_function.worker.function_name
    error_message = "A7: events wait for hours for a slot, when nobody waits for their reply"
  }
  # A chain of hand-overs: as many workers of 240 s as fit into Snowflake's 600 s.
  assert {
    condition     = aws_lambda_function_recursion_config.worker.recursive_loop == "Terminate" && 1 + ceil(600 / 240) < 16
    error_message = "A7: a worker that starts workers for ever is not stopped, or an honest chain is"
  }
  assert {
    condition     = alltrue([for method in values(aws_api_gateway_method.extract) : method.authorization == "AWS_IAM"])
    error_message = "a method that anybody may call"
  }
  # A3: no principal that must exist already; C1: a Deny for everybody else.
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_api_gateway_rest_api_policy.extract.policy).Statement : (
        statement.Principal == "*" &&
        statement.Condition == { (statement.Effect == "Allow" ? "ArnEquals" : "ArnNotEquals") = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/aurora-sync-snowflake-api" } }
      )
    ])
    error_message = "the API may be called by others than Snowflake's session"
  }
  assert {
    condition     = [for statement in jsondecode(aws_api_gateway_rest_api_policy.extract.policy).Statement : statement.Effect] == ["Allow", "Deny"]
    error_message = "the API's policy refuses nobody, or allows something else beside"
  }
  assert {
    condition     = aws_api_gateway_rest_api.extract.binary_media_types == tolist(["*/*"])
    error_message = "A2: a packed reply reaches Snowflake as base64"
  }
  assert {
    condition     = aws_api_gateway_rest_api.extract.endpoint_configuration[0].types == tolist(["REGIONAL"])
    error_message = "the API is not regional"
  }
  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.front, aws_cloudwatch_log_group.worker, aws_cloudwatch_log_group.api] : group.kms_key_id == var.kms_key_arn && group.retention_in_days >= 365])
    error_message = "a log group without our key, or of short memory"
  }
  assert {
    condition     = aws_sqs_queue.dead_letters.kms_master_key_id == var.kms_key_arn && aws_lambda_function.front.kms_key_arn == var.kms_key_arn && aws_lambda_function.worker.kms_key_arn == var.kms_key_arn && aws_s3_object.sources.kms_key_id == var.kms_key_arn
    error_message = "dead letters, the environment or the sources are not encrypted with our key"
  }
  assert {
    condition = alltrue([
      for permission in values(aws_lambda_permission.api) :
      permission.principal == "apigateway.amazonaws.com" && !strcontains(permission.source_arn, "*")
    ])
    error_message = "another API than ours may invoke the function"
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.worker.maximum_retry_attempts == 0
    error_message = "Lambda would repeat workers"
  }
  assert {
    condition = jsondecode(aws_s3_object.sources.content) == {
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
  # A11
  assert {
    condition = (
      aws_lambda_function.worker.environment[0].variables["SOURCES_KEY"] == aws_s3_object.sources.key &&
      !contains(keys(aws_lambda_function.worker.environment[0].variables), "SOURCES") &&
      !startswith(aws_s3_object.sources.key, var.landing_prefix)
    )
    error_message = "A11: sources are limited to the 4 KB of the environment, or expire with the data"
  }
}


run "other_credentials" {
  command = apply
  module {
    source = "./modules/compute"
  }
  variables {
    memory_mb           = 1769
    front_concurrency   = null
    worker_concurrency  = null
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
    runtime             = "python3.12"
    snowflake_vpc_ids   = ["vpc-0b1b2c3d4e5f60718"]

    code_signing_config_arn    = null
    manage_api_gateway_logging = false
    vault = {
      url        = "https://vault.example.com:8200"
      namespace  = null
      ca_bundle  = null
      auth_mount = "aws"
      server_id  = "vault.example.com"
      sts_region = null
    }
    sources = {
      crm = {
        host        = "crm.example.com"
        dbname      = "crm"
        credentials = { kind = "vault", path = "aurora-sync/crm" }
        log = {
          drop_retained_gigabytes = 100
          credentials             = { kind = "vault", path = "aurora-sync/crm-log" }
        }
      }
      erp = {
        host        = "erp.example.com"
        dbname      = "erp"
        log         = { credentials = { kind = "rds_iam", user = "aurora_sync_log", resource_id = "cluster-ABC" } }
        credentials = { kind = "rds_iam", user = "aurora_sync", resource_id = "cluster-ABC", hash_key_secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/hash-AbCdEf" }
      }
    }
  }

  assert {
    condition = jsondecode(aws_s3_object.sources.content).crm.credentials == {
      kind   = "vault"
      engine = "kv"
      path   = "aurora-sync/crm"
      url    = "https://vault.example.com:8200"
      login  = { method = "aws_iam", mount = "aws", role = "aurora-sync", header_value = "vault.example.com" }
    }
    error_message = "vault.py would read something else"
  }
  assert {
    condition = jsondecode(aws_s3_object.sources.content).crm.log == {
      drop_retained_gigabytes = 100
      credentials = {
        kind   = "vault"
        engine = "kv"
        path   = "aurora-sync/crm-log"
        url    = "https://vault.example.com:8200"
        login  = { method = "aws_iam", mount = "aws", role = "aurora-sync", header_value = "vault.example.com" }
      }
    }
    error_message = "the log would be read with another login, or its slot never dropped"
  }
  assert {
    condition     = jsondecode(aws_s3_object.sources.content).erp.log == { credentials = { kind = "rds_iam", user = "aurora_sync_log", region = "eu-west-1" } }
    error_message = "the log would be read with another login"
  }
  assert {
    condition     = jsondecode(aws_s3_object.sources.content).erp.credentials == { kind = "rds_iam", user = "aurora_sync", region = "eu-west-1", hash_key_secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/hash-AbCdEf" }
    error_message = "secrets.py would read something else"
  }
  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "rds-db:connect")
      ])) == toset([
      "arn:aws:rds-db:eu-west-1:123456789012:dbuser:cluster-ABC/aurora_sync",
      "arn:aws:rds-db:eu-west-1:123456789012:dbuser:cluster-ABC/aurora_sync_log",
    ])
    error_message = "the function may log in as another user, or not at all"
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Resource
      if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")
    ] == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/hash-AbCdEf"]
    error_message = "the function may read secrets that no source keeps there"
  }
  assert {
    condition = (
      aws_api_gateway_rest_api.extract.endpoint_configuration[0].types == tolist(["PRIVATE"]) &&
      jsondecode(aws_api_gateway_rest_api_policy.extract.policy).Statement[2].Effect == "Deny" &&
      jsondecode(aws_api_gateway_rest_api_policy.extract.policy).Statement[2].Condition.StringNotEquals["aws:SourceVpc"] == "vpc-0b1b2c3d4e5f60718"
    )
    error_message = "the private API is reached from elsewhere"
  }
  assert {
    condition     = aws_lambda_function.front.reserved_concurrent_executions == null && aws_lambda_function.worker.reserved_concurrent_executions == null
    error_message = "A5: an account without slots to reserve cannot deploy"
  }
}
