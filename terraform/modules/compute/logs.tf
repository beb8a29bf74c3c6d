resource "aws_cloudwatch_log_group" "function" {
  name              = "/${var.name}/function"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/${var.name}/api"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}
