output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.extract.function_name
}

output "function_arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.extract.arn
}

output "function_role_arn" {
  description = "Role of the function: what Vault binds its role to."
  value       = aws_iam_role.function.arn
}

output "timeout_seconds" {
  description = "Time-out of the function."
  value       = local.timeout_seconds
}

output "log_group" {
  description = "Log group of the function."
  value       = aws_cloudwatch_log_group.function.name
}

output "dead_letters" {
  description = "Name of the queue of failed workers."
  value       = aws_sqs_queue.dead_letters.name
}

output "api_url" {
  description = "URL of the API's one resource."
  value       = local.api_url
}

output "api_arn" {
  description = "Execution ARN of the API's stage."
  value       = local.api_arn
}
