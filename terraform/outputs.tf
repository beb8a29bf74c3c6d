# The first five have the names that scripts/deploy_variables.py knows.
output "landing_url" {
  description = "Root of the landing stage."
  value       = "s3://${module.storage.bucket}/${local.landing_prefix}"
}

output "storage_role_arn" {
  description = "Role that Snowflake assumes to read the landing prefix."
  value       = module.snowflake.storage_role_arn
}

output "api_role_arn" {
  description = "Role that Snowflake assumes to call the API."
  value       = module.snowflake.api_role_arn
}

output "api_url" {
  description = "What the external function calls."
  value       = module.compute.api_url
}

output "pipe_sns_topic_arn" {
  description = "Topic that tells Snowpipe of new files; null without pipes."
  value       = var.pipes ? module.pipe[0].topic_arn : null
}

output "function_role_arn" {
  description = "Role of the function: what a Vault role is bound to where Terraform does not make it."
  value       = module.compute.function_role_arn
}

output "function_name" {
  description = "The Lambda function, for its logs."
  value       = module.compute.function_name
}

output "alarm_topic_arn" {
  description = "SNS topic of all alarms."
  value       = module.observability.topic_arn
}
