# No custom domain: Snowflake calls API Gateway's own. The URL is built from the API's id
# and the stage's name, so that the integration, the role that trusts it and the policy
# that names the role can all exist before the stage does.
locals {
  methods = ["GET", "POST"]
  stage   = "v1"
  path    = "extract"
  api_url = "https://${aws_api_gateway_rest_api.extract.id}.execute-api.${var.region}.amazonaws.com/${local.stage}/${local.path}"
  api_arn = "${aws_api_gateway_rest_api.extract.execution_arn}/${local.stage}"

  caller_role_arn = "arn:aws:iam::${var.account_id}:role/${var.caller_role_name}"
}

resource "aws_api_gateway_rest_api" "extract" {
  name        = var.name
  description = "Called by Snowflake's external function only"
  # Else the base64 of a packed reply would reach Snowflake as it is. Requests come to the
  # function as base64 for it.
  binary_media_types = ["*/*"]

  endpoint_configuration {
    types = [length(var.snowflake_vpc_ids) > 0 ? "PRIVATE" : "REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

# The role's sessions alone may call. The role stands in a condition, because API Gateway
# refuses a policy whose Principal IAM has made a second before. The Denies are what keeps
# others out: within an account an identity policy alone would let its holder in.
data "aws_iam_policy_document" "api" {
  statement {
    sid       = "Caller"
    actions   = ["execute-api:Invoke"]
    resources = [for method in local.methods : "${local.api_arn}/${method}/${local.path}"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [local.caller_role_arn]
    }
  }

  # An unsigned request has no such key, which a negated test counts as different.
  statement {
    sid       = "NobodyElse"
    effect    = "Deny"
    actions   = ["execute-api:Invoke"]
    resources = ["${aws_api_gateway_rest_api.extract.execution_arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [local.caller_role_arn]
    }
  }

  dynamic "statement" {
    for_each = length(var.snowflake_vpc_ids) > 0 ? [1] : []
    content {
      sid       = "NowhereElse"
      effect    = "Deny"
      actions   = ["execute-api:Invoke"]
      resources = ["${aws_api_gateway_rest_api.extract.execution_arn}/*"]
      principals {
        type        = "*"
        identifiers = ["*"]
      }
      condition {
        test     = "StringNotEquals"
        variable = "aws:SourceVpc"
        values   = var.snowflake_vpc_ids
      }
    }
  }
}

resource "aws_api_gateway_rest_api_policy" "extract" {
  rest_api_id = aws_api_gateway_rest_api.extract.id
  policy      = data.aws_iam_policy_document.api.json
}

resource "aws_api_gateway_resource" "extract" {
  rest_api_id = aws_api_gateway_rest_api.extract.id
  parent_id   = aws_api_gateway_rest_api.extract.root_resource_id
  path_part   = local.path
}

resource "aws_api_gateway_method" "extract" {
  #checkov:skip=CKV2_AWS_53:lambda_extract/protocol/envelope.py checks headers and body and answers as Snowflake expects
  for_each      = toset(local.methods)
  rest_api_id   = aws_api_gateway_rest_api.extract.id
  resource_id   = aws_api_gateway_resource.extract.id
  http_method   = each.key
  authorization = "AWS_IAM"
}

resource "aws_api_gateway_integration" "extract" {
  for_each                = toset(local.methods)
  rest_api_id             = aws_api_gateway_rest_api.extract.id
  resource_id             = aws_api_gateway_resource.extract.id
  http_method             = aws_api_gateway_method.extract[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.front.invoke_arn
}

resource "aws_api_gateway_deployment" "extract" {
  rest_api_id = aws_api_gateway_rest_api.extract.id

  # A change of any of these reaches callers only with a new deployment.
  triggers = {
    shape = sha256(jsonencode([
      aws_api_gateway_rest_api.extract.binary_media_types,
      data.aws_iam_policy_document.api.json,
      aws_api_gateway_method.extract,
      aws_api_gateway_integration.extract,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_rest_api_policy.extract]
}

resource "aws_api_gateway_stage" "extract" {
  #checkov:skip=CKV_AWS_120:a GET asks whether the job is done: a cached answer would be wrong
  #checkov:skip=CKV2_AWS_51:there is no HTTP backend that a client certificate could convince
  #checkov:skip=CKV2_AWS_29:only one signed session may call (AWS_IAM and resource policy), so a firewall has nobody to judge
  rest_api_id          = aws_api_gateway_rest_api.extract.id
  deployment_id        = aws_api_gateway_deployment.extract.id
  stage_name           = local.stage
  xray_tracing_enabled = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      time    = "$context.requestTime"
      request = "$context.requestId"
      method  = "$context.httpMethod"
      status  = "$context.status"
      caller  = "$context.identity.userArn"
      latency = "$context.responseLatency"
    })
  }

  # Without that role API Gateway refuses a stage with logs.
  depends_on = [aws_api_gateway_account.this]
}

resource "aws_api_gateway_method_settings" "extract" {
  #checkov:skip=CKV_AWS_225:a GET asks whether the job is done: a cached answer would be wrong
  rest_api_id = aws_api_gateway_rest_api.extract.id
  stage_name  = aws_api_gateway_stage.extract.stage_name
  method_path = "*/*"

  settings {
    metrics_enabled        = true
    logging_level          = "ERROR"
    throttling_rate_limit  = 100
    throttling_burst_limit = 200
    # Bodies hold table names and bounds: never traced.
    data_trace_enabled = false
  }
}
