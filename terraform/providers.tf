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
    "snowflake_storage_integration_aws_resource",
  ]
}
