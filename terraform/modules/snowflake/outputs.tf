output "storage_role_arn" {
  description = "Role that Snowflake assumes to read the landing prefix."
  value       = aws_iam_role.storage.arn
}

output "api_role_arn" {
  description = "Role that Snowflake assumes to call the API."
  value       = aws_iam_role.api.arn
}

output "notification_integrations" {
  description = "Names of the integrations for alerts that are made here."
  value = concat(
    snowflake_notification_integration.alerts[*].name,
    snowflake_email_notification_integration.alerts[*].name,
  )
}

output "api_role_name" {
  description = "Its name: the API's resource policy names the assumed-role session."
  value       = aws_iam_role.api.name
}
