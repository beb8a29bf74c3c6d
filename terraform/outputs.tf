# The first eight have the names that scripts/deploy_variables.py knows.
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

output "targets" {
  description = "Schemas that may be written, for the deployment of the Snowflake side."
  value       = join(",", var.snowflake_targets)
}

output "environment" {
  description = "Environment in the Snowflake account, for the deployment of the Snowflake side; null: the only one."
  value       = var.snowflake_environment == "" ? null : var.snowflake_environment
}

output "notification_integrations" {
  description = "Integrations for alerts, which the deployment of the Snowflake side grants to SYNC_ADMIN; empty: none."
  value       = join(",", module.snowflake.notification_integrations)
}

output "worker_role_arn" {
  description = "Role of the worker: what a Vault role is bound to if Terraform does not make it."
  value       = module.compute.worker_role_arn
}

output "front_function" {
  description = "The Lambda function that answers Snowflake."
  value       = module.compute.front.name
}

output "worker_function" {
  description = "The Lambda function that reads Aurora."
  value       = module.compute.worker.name
}

output "front_log_group" {
  description = "Log group of the front."
  value       = module.compute.front.log_group
}

output "worker_log_group" {
  description = "Log group of the workers."
  value       = module.compute.worker.log_group
}

output "dead_letters_url" {
  description = "Queue of the requests whose worker failed; docs/RUNBOOK.md says how to read it."
  value       = module.compute.dead_letters_url
}

output "alarm_topic_arn" {
  description = "SNS topic of all alarms."
  value       = module.observability.topic_arn
}
