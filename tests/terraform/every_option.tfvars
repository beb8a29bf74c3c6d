# Every option of terraform/ at once: what the policy lint and the second apply see.
region                     = "eu-west-1"
aws_account_id             = "123456789012"
aurora_security_group_id   = "sg-0a1b2c3d4e5f60718"
extra_interface_endpoints  = ["execute-api", "kms", "logs", "sts"]
snowflake_vpc_ids          = ["vpc-0b1b2c3d4e5f60718"]
snowflake_targets          = ["AURORA_SYNC.*", "ANALYTICS.RAW_*"]
manage_api_gateway_logging = false
alarm_emails               = ["data-team@example.com"]
snowflake_environment      = "dev"
alerts_by_sns              = true
alert_emails               = ["analyst@example.com"]
pipes                      = true
code_signing_config_arn    = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0a1b2c3d4e5f60718"
secret_kms_key_arns        = ["arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"]

new_vpc = {
  cidr                   = "10.20.0.0/20"
  availability_zones     = ["eu-west-1a", "eu-west-1b"]
  nat                    = true
  aurora_vpc_id          = "vpc-0a1b2c3d4e5f60718"
  aurora_route_table_ids = ["rtb-0a1b2c3d4e5f60718"]
}

vault = {
  url         = "https://vault.example.com:8200"
  cidr_blocks = ["10.30.0.0/24"]
  namespace   = "data"
  server_id   = "vault.example.com"
  sts_region  = "eu-west-1"
  database_roles = {
    aurora-sync-shop = { connection = "shop", reader_role = "aurora_sync_reader" }
  }
}

sources = {
  shop = {
    host        = "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "shop"
    tables      = ["public.*"]
    credentials = { kind = "vault", engine = "database", role = "aurora-sync-shop", hash_key_path = "aurora-sync/shop" }
  }
  crm = {
    host        = "crm.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "crm"
    credentials = { kind = "vault", path = "aurora-sync/crm" }
    log         = { slot = "aurora_sync_crm_2", drop_retained_gigabytes = 100, credentials = { kind = "vault", path = "aurora-sync/crm-log" } }
  }
  erp = {
    host        = "erp.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "erp"
    log         = { credentials = { kind = "secrets_manager", secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/erp-log-AbCdEf" } }
    credentials = { kind = "rds_iam", user = "aurora_sync", resource_id = "cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ", hash_key_secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/hash-AbCdEf" }
  }
  old = {
    host        = "old.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname      = "old"
    credentials = { kind = "secrets_manager", secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/old-AbCdEf" }
  }
}
