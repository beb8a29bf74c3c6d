# A given VPC; logins that Vault makes for an hour, and hashed columns with a key from Vault.
region                   = "eu-west-1"
aws_account_id           = "123456789012"
vpc_id                   = "vpc-0a1b2c3d4e5f60718"
private_subnet_ids       = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"]
private_route_table_ids  = ["rtb-0a1b2c3d4e5f60718"]
aurora_security_group_id = "sg-0a1b2c3d4e5f60718"

vault = {
  url         = "https://vault.example.com:8200"
  cidr_blocks = ["10.30.0.0/24"]
  database_roles = {
    aurora-sync-shop = { connection = "shop", reader_role = "aurora_sync_reader" }
  }
}

sources = {
  shop = {
    host   = "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
    dbname = "shop"
    owners = ["shop_owner"]
    required_protection = [
      { table = "public.*", column = "email", protect = "hash" },
    ]
    credentials = {
      kind          = "vault"
      engine        = "database"
      role          = "aurora-sync-shop"
      hash_key_path = "aurora-sync/shop"
    }
  }
}
