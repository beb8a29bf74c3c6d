# Rules are resources of their own: the groups name each other.
resource "aws_security_group" "function" {
  #checkov:skip=CKV2_AWS_5:attached to the function, in the module compute
  name        = "${var.name}-function"
  description = "The extraction function: out to Aurora, S3, Vault and the endpoints, nothing in"
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "VPC endpoints: in from the extraction function only"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "to_aurora" {
  security_group_id            = aws_security_group.function.id
  description                  = "PostgreSQL"
  ip_protocol                  = "tcp"
  from_port                    = var.aurora_port
  to_port                      = var.aurora_port
  referenced_security_group_id = var.aurora_security_group_id
}

resource "aws_vpc_security_group_ingress_rule" "aurora_from_function" {
  security_group_id            = var.aurora_security_group_id
  description                  = "PostgreSQL from the extraction function"
  ip_protocol                  = "tcp"
  from_port                    = var.aurora_port
  to_port                      = var.aurora_port
  referenced_security_group_id = aws_security_group.function.id
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  security_group_id            = aws_security_group.function.id
  description                  = "HTTPS to the interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_function" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "HTTPS from the extraction function"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.function.id
}

resource "aws_vpc_security_group_egress_rule" "to_given_endpoints" {
  for_each                     = toset(values(var.given_interface_endpoints))
  security_group_id            = aws_security_group.function.id
  description                  = "HTTPS to interface endpoints that the VPC had"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = each.key
}

resource "aws_vpc_security_group_ingress_rule" "given_endpoints_from_function" {
  for_each                     = toset(values(var.given_interface_endpoints))
  security_group_id            = each.key
  description                  = "HTTPS from the extraction function"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.function.id
}

resource "aws_vpc_security_group_egress_rule" "to_s3" {
  security_group_id = aws_security_group.function.id
  description       = "HTTPS to S3 through the gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = data.aws_prefix_list.s3.id
}

resource "aws_vpc_security_group_egress_rule" "to_vault" {
  for_each          = var.vault_cidr_blocks
  security_group_id = aws_security_group.function.id
  description       = "HTTPS to Vault"
  ip_protocol       = "tcp"
  from_port         = var.vault_port
  to_port           = var.vault_port
  cidr_ipv4         = each.key
}
