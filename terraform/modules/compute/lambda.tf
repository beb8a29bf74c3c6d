locals {
  function_name   = "${var.name}-extract"
  function_arn    = "arn:aws:lambda:${var.region}:${var.account_id}:function:${local.function_name}"
  timeout_seconds = 300
}

resource "aws_lambda_function" "extract" {
  #checkov:skip=CKV_AWS_116:failed workers go to the on_failure destination below, with their request
  #checkov:skip=CKV_AWS_272:code_signing_config_arn takes the signing profile of those who have one
  function_name                  = local.function_name
  description                    = "Extracts increments of Aurora tables to S3 for Snowflake"
  role                           = aws_iam_role.function.arn
  runtime                        = var.runtime
  architectures                  = ["x86_64"]
  handler                        = "lambda_extract.handler.handler"
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  timeout                        = local.timeout_seconds
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.concurrency
  kms_key_arn                    = var.kms_key_arn
  code_signing_config_arn        = var.code_signing_config_arn

  environment {
    variables = {
      SOURCES                = jsonencode(local.sources)
      LANDING_BUCKET         = var.bucket
      LANDING_PREFIX         = var.landing_prefix
      WORKER_TIMEOUT_SECONDS = tostring(local.timeout_seconds)
    }
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
    log_group  = aws_cloudwatch_log_group.function.name
  }

  # Lambda looks at the role's permissions when it enters the subnets.
  depends_on = [aws_iam_role_policy.function]
}

# A worker that failed is never repeated by Lambda: Snowflake's side decides on that.
resource "aws_lambda_function_event_invoke_config" "extract" {
  function_name          = aws_lambda_function.extract.function_name
  maximum_retry_attempts = 0

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}

resource "aws_lambda_permission" "api" {
  for_each      = toset(local.methods)
  statement_id  = "Api${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.extract.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${local.api_arn}/${each.key}/${local.path}"
}
