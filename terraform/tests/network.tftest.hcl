variables {
  name                     = "aurora-sync"
  account_id               = "123456789012"
  region                   = "eu-west-1"
  aurora_security_group_id = "sg-0a1b2c3d4e5f60718"
  aurora_port              = 5432
  vpc_id                   = "vpc-0a1b2c3d4e5f60718"
  private_subnet_ids       = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"]
  private_route_table_ids  = ["rtb-0a1b2c3d4e5f60718"]
  vault_port               = 8200
  interface_endpoints      = ["lambda"]
  vault_cidr_blocks        = ["10.30.0.0/24"]

  given_s3_endpoint         = false
  given_interface_endpoints = {}
}

run "groups" {
  command = apply
  module {
    source = "./modules/network"
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.to_aurora.referenced_security_group_id == "sg-0a1b2c3d4e5f60718"
      && aws_vpc_security_group_egress_rule.to_aurora.from_port == 5432
      && aws_vpc_security_group_egress_rule.to_aurora.to_port == 5432
      && aws_vpc_security_group_egress_rule.to_aurora.cidr_ipv4 == null
    )
    error_message = "the function reaches more of Aurora's network than PostgreSQL"
  }
  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_ingress_rule.aurora_from_function, aws_vpc_security_group_ingress_rule.endpoints_from_function] :
      rule.referenced_security_group_id == aws_security_group.function.id && rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.from_port == rule.to_port
    ])
    error_message = "something is open to others than the function"
  }
  assert {
    condition = alltrue([
      for rule in values(aws_vpc_security_group_egress_rule.to_vault) :
      rule.cidr_ipv4 == "10.30.0.0/24" && rule.from_port == 8200 && rule.to_port == 8200
    ]) && length(aws_vpc_security_group_egress_rule.to_vault) == 1
    error_message = "the way to Vault is wider than Vault"
  }
  assert {
    condition     = toset([for endpoint in values(aws_vpc_endpoint.interface) : endpoint.service_name]) == toset(["com.amazonaws.eu-west-1.lambda"])
    error_message = "other endpoints than asked for"
  }
}

run "endpoints_that_are_there_are_not_made_again" {
  command = apply
  module {
    source = "./modules/network"
  }
  variables {
    interface_endpoints       = ["lambda", "secretsmanager"]
    given_s3_endpoint         = true
    given_interface_endpoints = { lambda = "sg-0c1b2c3d4e5f60718" }
  }

  assert {
    condition     = length(aws_vpc_endpoint.s3) == 0 && keys(aws_vpc_endpoint.interface) == ["secretsmanager"]
    error_message = "an endpoint is made a second time"
  }
  assert {
    condition = (
      keys(aws_vpc_security_group_egress_rule.to_given_endpoints) == ["sg-0c1b2c3d4e5f60718"]
      && alltrue([
        for rule in values(aws_vpc_security_group_ingress_rule.given_endpoints_from_function) :
        rule.referenced_security_group_id == aws_security_group.function.id && rule.from_port == 443 && rule.to_port == 443
      ])
      && length(aws_vpc_security_group_ingress_rule.given_endpoints_from_function) == 1
    )
    error_message = "the function does not reach the endpoints that are there"
  }
}

run "default_vpc_is_refused" {
  command = plan
  module {
    source = "./modules/network"
  }
  override_data {
    target = data.aws_vpc.given
    values = { default = true, enable_dns_support = true, enable_dns_hostnames = true }
  }
  expect_failures = [data.aws_vpc.given]
}

# D: the private names of the endpoints would not be resolved.
run "a_vpc_without_names_is_refused" {
  command = plan
  module {
    source = "./modules/network"
  }
  override_data {
    target = data.aws_vpc.given
    values = { default = false, enable_dns_support = true, enable_dns_hostnames = false }
  }
  expect_failures = [data.aws_vpc.given]
}

run "own_vpc" {
  command = apply
  module {
    source = "./modules/vpc"
  }
  variables {
    cidr                   = "10.20.0.0/20"
    availability_zones     = ["eu-west-1a", "eu-west-1b"]
    nat                    = true
    aurora_vpc_id          = "vpc-0a1b2c3d4e5f60718"
    aurora_route_table_ids = ["rtb-0a1b2c3d4e5f60718"]
    kms_key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
    log_retention_days     = 365
  }

  assert {
    condition     = length(toset([for subnet in values(aws_subnet.private) : subnet.availability_zone])) == 2
    error_message = "not two zones"
  }
  assert {
    condition     = alltrue([for subnet in values(aws_subnet.private) : !subnet.map_public_ip_on_launch]) && length(toset([for subnet in concat(values(aws_subnet.private), aws_subnet.public) : subnet.cidr_block])) == 3
    error_message = "a private subnet gives out public addresses, or two overlap"
  }
  assert {
    condition     = alltrue([for association in values(aws_route_table_association.private) : association.route_table_id == aws_route_table.private.id])
    error_message = "a private subnet has other routes than the private ones"
  }
  assert {
    condition     = aws_route.to_nat[0].nat_gateway_id == aws_nat_gateway.this[0].id && aws_route.to_nat[0].gateway_id == null
    error_message = "the private subnets lead straight to the internet"
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.kms_key_arn
    error_message = "refused connections leave no trace, or one without our key"
  }
  assert {
    condition     = alltrue([for action in ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"] : strcontains(aws_iam_role_policy.flow.policy, action)])
    error_message = "D: the flow logs' role lacks what AWS asks for"
  }
  assert {
    condition     = length(aws_default_security_group.this.ingress) + length(aws_default_security_group.this.egress) == 0
    error_message = "the VPC's default group lets something pass"
  }
}

run "own_vpc_without_internet" {
  command = apply
  module {
    source = "./modules/vpc"
  }
  variables {
    cidr                   = "10.20.0.0/20"
    availability_zones     = ["eu-west-1a", "eu-west-1b"]
    nat                    = false
    aurora_vpc_id          = null
    aurora_route_table_ids = []
    kms_key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
    log_retention_days     = 365
  }

  assert {
    condition     = length(aws_internet_gateway.this) + length(aws_route.to_internet) + length(aws_route.to_nat) + length(aws_subnet.public) == 0
    error_message = "there is a way to the internet"
  }
}
