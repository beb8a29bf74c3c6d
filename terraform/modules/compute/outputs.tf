output "front" {
  description = "The function that answers the API."
  value = {
    name            = aws_lambda_function.front.function_name
    log_group       = aws_cloudwatch_log_group.front.name
    timeout_seconds = local.front_timeout_seconds
  }
}

output "worker" {
  description = "The function that reads Aurora."
  value = {
    name            = aws_lambda_function.worker.function_name
    arn             = aws_lambda_function.worker.arn
    log_group       = aws_cloudwatch_log_group.worker.name
    timeout_seconds = local.worker_timeout_seconds
  }
}

output "worker_role_arn" {
  description = "Role of the worker: what Vault binds its role to."
  value       = aws_iam_role.worker.arn
}

output "dead_letters" {
  description = "Name of the queue of failed workers."
  value       = aws_sqs_queue.dead_letters.name
}

output "dead_letters_url" {
  description = "Its URL, to read and purge it."
  value       = aws_sqs_queue.dead_letters.url
}

output "api_url" {
  description = "URL of the API's one resource."
  value       = local.api_url
}

output "api_arn" {
  description = "Execution ARN of the API's stage."
  value       = local.api_arn
}

output "sets_api_gateway_logging" {
  description = "Whether the account-wide log role of API Gateway is this deployment's."
  value       = length(aws_api_gateway_account.this) > 0
}
