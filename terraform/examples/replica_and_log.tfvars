# Rows are read from a replica, and tables of mode log through a login of their own; metrics by
# table, pipes, and alerts by mail.
region                   = "eu-west-1"
aws_account_id           = "123456789012"
vpc_id                   = "vpc-0a1b2c3d4e5f60718"
private_subnet_ids       = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"]
private_route_table_ids  = ["rtb-0a1b2c3d4e5f60718"]
aurora_security_group_id = "sg-0a1b2c3d4e5f60718"
alert_emails             = ["data-team@example.com"]
metrics                  = "table"
pipes                    = true

sources = {
  shop = {
    host   = "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname = "shop"
    owners = ["shop_owner"]
    reader = { host = "shop.cluster-ro-abc.eu-west-1.rds.amazonaws.com" }
    credentials = {
      kind      = "secrets_manager"
      secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/shop-AbCdEf"
    }
    log = {
      drop_retained_gigabytes = 100
      credentials = {
        kind      = "secrets_manager"
        secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/shop-log-AbCdEf"
      }
    }
  }
}
