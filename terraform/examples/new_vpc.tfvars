# A VPC of its own, peered with Aurora's; the login is IAM's, so that there is no password.
region                   = "eu-west-1"
aws_account_id           = "123456789012"
aurora_security_group_id = "sg-0a1b2c3d4e5f60718"
alarm_emails             = ["data-team@example.com"]

new_vpc = {
  cidr                   = "10.20.0.0/20"
  availability_zones     = ["eu-west-1a", "eu-west-1b"]
  aurora_vpc_id          = "vpc-0a1b2c3d4e5f60718"
  aurora_route_table_ids = ["rtb-0a1b2c3d4e5f60718"]
}

sources = {
  shop = {
    host   = "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname = "shop"
    owners = ["shop_owner"]
    credentials = {
      kind        = "rds_iam"
      user        = "aurora_sync"
      resource_id = "cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    }
  }
}
