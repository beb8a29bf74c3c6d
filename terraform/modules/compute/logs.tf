resource "aws_cloudwatch_log_group" "front" {
  name              = "/${var.name}/front"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/${var.name}/worker"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/${var.name}/api"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
}

# One setting of the whole account and region: the role that API Gateway writes its logs
# with. It is made if manage_api_gateway_logging asks for it: another stack of the account
# would lose its own, and `destroy` takes it away for all.
data "aws_iam_policy_document" "api_logs_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "api_logs" {
  count              = var.manage_api_gateway_logging ? 1 : 0
  name               = "${var.name}-api-logs"
  assume_role_policy = data.aws_iam_policy_document.api_logs_trust.json
}

# AWS's own policy for this: API Gateway refuses a role that has less.
resource "aws_iam_role_policy_attachment" "api_logs" {
  count      = var.manage_api_gateway_logging ? 1 : 0
  role       = aws_iam_role.api_logs[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count               = var.manage_api_gateway_logging ? 1 : 0
  cloudwatch_role_arn = aws_iam_role.api_logs[0].arn
  depends_on          = [aws_iam_role_policy_attachment.api_logs]
}
