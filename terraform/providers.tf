provider "aws" {
  region              = var.region
  allowed_account_ids = [var.aws_account_id]

  default_tags {
    tags = merge({ application = var.name }, var.tags)
  }
}

# Account, user and key come from SNOWFLAKE_* variables of the environment.
provider "snowflake" {
  role = var.snowflake_admin_role
  preview_features_enabled = [
    "snowflake_api_integration_amazon_api_gateway_resource",
    "snowflake_email_notification_integration_resource",
    "snowflake_notification_integration_resource",
    "snowflake_storage_integration_aws_resource",
    "snowflake_system_get_aws_sns_iam_policy_datasource",
  ]
}

# Logs in when it has something to do, so never if no source uses Vault. Token or login
# come from VAULT_* variables of the environment.
provider "vault" {
  address = try(var.vault.url, null)
  # Here alone: a resource's own namespace would be looked for below VAULT_NAMESPACE.
  namespace = try(var.vault.namespace, null)
}
