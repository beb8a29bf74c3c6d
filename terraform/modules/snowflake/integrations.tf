# Each integration names its role by an ARN built ahead of the role; the role's trust
# policy then reads what Snowflake made for the integration. One apply closes the circle.
locals {
  storage_role_name = "${var.name}-snowflake-storage"
  api_role_name     = "${var.name}-snowflake-api"
  # As scripts/environments.py has it.
  suffix = var.environment == "" ? "" : "_${upper(var.environment)}"
}

resource "snowflake_storage_integration_aws" "landing" {
  name                      = "AURORA_SYNC_STORAGE${local.suffix}"
  comment                   = "Reads the landing bucket of the Aurora sync"
  enabled                   = true
  storage_provider          = "S3"
  storage_allowed_locations = ["s3://${var.bucket}/${var.landing_prefix}"]
  storage_aws_role_arn      = "arn:aws:iam::${var.account_id}:role/${local.storage_role_name}"
}

resource "snowflake_api_integration_amazon_api_gateway" "extract" {
  name                 = "AURORA_SYNC_API${local.suffix}"
  comment              = "Calls the extraction Lambda of the Aurora sync"
  enabled              = true
  api_provider         = var.private_api ? "aws_private_api_gateway" : "aws_api_gateway"
  api_aws_role_arn     = "arn:aws:iam::${var.account_id}:role/${local.api_role_name}"
  api_allowed_prefixes = [var.api_url]
}
