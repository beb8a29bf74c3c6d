# Two functions from one zip. The front answers Snowflake's POST and GET in a second; a
# worker reads Aurora for minutes. With slots of its own the front still answers while
# workers fill theirs; the events of workers that find no slot wait in Lambda's queue.
locals {
  front_name  = "${var.name}-front"
  worker_name = "${var.name}-worker"
  front_arn   = "arn:aws:lambda:${var.region}:${var.account_id}:function:${local.front_name}"
  worker_arn  = "arn:aws:lambda:${var.region}:${var.account_id}:function:${local.worker_name}"

  # API Gateway waits 29 s for the front.
  front_timeout_seconds  = 30
  worker_timeout_seconds = 300
  # A worker whose event is older than 240 s stops (WORKER_START_SECONDS).
  event_age_seconds = 300

  environment = {
    LANDING_BUCKET         = var.bucket
    LANDING_PREFIX         = var.landing_prefix
    WORKER_FUNCTION        = local.worker_name
    WORKER_TIMEOUT_SECONDS = tostring(local.worker_timeout_seconds)
    SIGNING_KEY            = random_password.signing.result
    METRICS                = var.metrics
  }
}

# Signs what the functions leave for each other in the bucket. It is in the state, and in
# the functions' settings; who can read it can forge only what he can write there as well.
resource "random_password" "signing" {
  length  = 64
  special = false
}

resource "aws_lambda_function" "front" {
  #checkov:skip=CKV_AWS_116:it is never invoked by an event, so there is none to keep
  #checkov:skip=CKV_AWS_272:code_signing_config_arn takes the signing profile of those who have one
  #checkov:skip=CKV_AWS_115:front_concurrency is null only if the account has no slots to reserve
  function_name                  = local.front_name
  description                    = "Answers Snowflake's external function; starts workers"
  role                           = aws_iam_role.front.arn
  runtime                        = var.runtime
  architectures                  = ["x86_64"]
  handler                        = "lambda_extract.handler.handler"
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  timeout                        = local.front_timeout_seconds
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.front_concurrency
  kms_key_arn                    = var.kms_key_arn
  code_signing_config_arn        = var.code_signing_config_arn

  environment {
    variables = local.environment
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.front.name
  }

  # Lambda looks at the role's permissions when it enters the subnets.
  depends_on = [aws_iam_role_policy.front]
}

resource "aws_lambda_function" "worker" {
  #checkov:skip=CKV_AWS_116:failed workers go to the on_failure destination below, with their request
  #checkov:skip=CKV_AWS_272:code_signing_config_arn takes the signing profile of those who have one
  #checkov:skip=CKV_AWS_115:worker_concurrency is null only if the account has no slots to reserve
  function_name                  = local.worker_name
  description                    = "Extracts increments of Aurora tables to S3 for Snowflake"
  role                           = aws_iam_role.worker.arn
  runtime                        = var.runtime
  architectures                  = ["x86_64"]
  handler                        = "lambda_extract.handler.handler"
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  timeout                        = local.worker_timeout_seconds
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.worker_concurrency
  kms_key_arn                    = var.kms_key_arn
  code_signing_config_arn        = var.code_signing_config_arn

  environment {
    variables = merge(local.environment, { SOURCES_KEY = aws_s3_object.sources.key })
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.worker.name
  }

  depends_on = [aws_iam_role_policy.worker]
}

# A worker that failed is never repeated by Lambda: Snowflake's side decides on that. One
# that finds no slot is, until its event is too old.
resource "aws_lambda_function_event_invoke_config" "worker" {
  function_name                = aws_lambda_function.worker.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = local.event_age_seconds

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}

# Lambda stops a chain of about 16 invocations that start each other, which is a guard that
# we want: a worker may hand over to the next one, but Snowflake waits 600 s at most and one
# works up to 240 s, so that an honest chain has three of them behind the front.
resource "aws_lambda_function_recursion_config" "worker" {
  function_name  = aws_lambda_function.worker.function_name
  recursive_loop = "Terminate"
}

resource "aws_lambda_permission" "api" {
  for_each      = toset(local.methods)
  statement_id  = "Api${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.front.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.api_arn}/${each.key}/${local.path}"
}
