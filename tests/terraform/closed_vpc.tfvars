# A new VPC that leads nowhere but to Aurora's: no NAT, no Vault, no secret.
region                   = "eu-west-1"
aws_account_id           = "123456789012"
aurora_security_group_id = "sg-0a1b2c3d4e5f60718"

new_vpc = {
  cidr                   = "10.20.0.0/20"
  availability_zones     = ["eu-west-1a", "eu-west-1b"]
  aurora_vpc_id          = "vpc-0a1b2c3d4e5f60718"
  aurora_route_table_ids = ["rtb-0a1b2c3d4e5f60718"]
}

sources = {
  erp = {
    host        = "erp.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "erp"
    credentials = { kind = "rds_iam", user = "aurora_sync", resource_id = "cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ" }
  }
}
