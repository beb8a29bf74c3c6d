# A VPC that has its endpoints already, and an account without slots to reserve.
region                     = "eu-west-1"
aws_account_id             = "123456789012"
vpc_id                     = "vpc-0a1b2c3d4e5f60718"
private_subnet_ids         = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"]
private_route_table_ids    = ["rtb-0a1b2c3d4e5f60718"]
aurora_security_group_id   = "sg-0a1b2c3d4e5f60718"
manage_api_gateway_logging = true
front_concurrency          = null
worker_concurrency         = null
given_endpoints = {
  s3        = true
  interface = { lambda = "sg-0c1b2c3d4e5f60718" }
}

vault = {
  url         = "https://vault.example.com"
  cidr_blocks = ["10.30.0.0/24"]
  ca_bundle   = "/var/task/lambda_extract/vault_ca.pem"
  manage      = false
}

sources = {
  crm = {
    host        = "crm.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "crm"
    credentials = { kind = "vault", path = "aurora-sync/crm" }
  }
  old = {
    host        = "old.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "old"
    credentials = { kind = "secrets_manager", secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/old-AbCdEf" }
  }
}
