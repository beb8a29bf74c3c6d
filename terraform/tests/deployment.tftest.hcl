variables {
  region                   = "eu-west-1"
  aws_account_id           = "123456789012"
  vpc_id                   = "vpc-0a1b2c3d4e5f60718"
  private_subnet_ids       = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"]
  private_route_table_ids  = ["rtb-0a1b2c3d4e5f60718"]
  aurora_security_group_id = "sg-0a1b2c3d4e5f60718"
  lambda_zip               = "lambda_extract.zip"
  sources = {
    shop = {
      host   = "shop.example.com"
      dbname = "shop"
      credentials = {
        kind      = "secrets_manager"
        secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:aurora-sync/shop-AbCdEf"
      }
    }
  }
}

run "applied" {
  command = apply

  assert {
    condition     = output.landing_url == "s3://aurora-sync-landing-123456789012-eu-west-1/landing/"
    error_message = "the stage's root has another form than the deploy script takes"
  }
  assert {
    condition     = output.storage_role_arn == "arn:aws:iam::123456789012:role/aurora-sync-snowflake-storage"
    error_message = "the integration names another role than the one made for it"
  }
  assert {
    condition     = output.api_role_arn == "arn:aws:iam::123456789012:role/aurora-sync-snowflake-api"
    error_message = "the API integration names another role than the one made for it"
  }
  assert {
    condition     = can(regex("^https://[a-z0-9-]+\\.execute-api\\.[a-z0-9-]+\\.amazonaws\\.com/v1/extract$", output.api_url))
    error_message = "the API's URL has another form than the deploy script takes"
  }
}

# K8-K18: other partitions have other ARNs, and API integrations of other providers.
run "govcloud_is_refused" {
  command = plan
  variables {
    region = "us-gov-west-1"
  }
  expect_failures = [var.region]
}

run "china_is_refused" {
  command = plan
  variables {
    region = "cn-north-1"
  }
  expect_failures = [var.region]
}

run "one_subnet_is_refused" {
  command = plan
  variables {
    private_subnet_ids = ["subnet-0a1b2c3d4e5f60718"]
  }
  expect_failures = [var.private_subnet_ids]
}

run "two_networks_are_refused" {
  command = plan
  variables {
    new_vpc = { cidr = "10.20.0.0/20", availability_zones = ["eu-west-1a", "eu-west-1b"] }
  }
  expect_failures = [var.vpc_id]
}

run "no_network_is_refused" {
  command = plan
  variables {
    vpc_id                  = null
    private_subnet_ids      = []
    private_route_table_ids = []
  }
  expect_failures = [var.vpc_id]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    vpc_id                  = null
    private_subnet_ids      = []
    private_route_table_ids = []
    new_vpc                 = { cidr = "10.20.0.0/20", availability_zones = ["eu-west-1a"] }
  }
  expect_failures = [var.new_vpc]
}

run "vault_without_a_place_is_refused" {
  command = plan
  variables {
    sources = {
      shop = { host = "h", dbname = "d", credentials = { kind = "vault", path = "shop" } }
    }
  }
  expect_failures = [var.sources]
}

run "wildcards_for_vault_are_refused" {
  command = plan
  variables {
    vault = { url = "https://vault.example.com", cidr_blocks = ["10.30.0.0/24"] }
    sources = {
      shop = { host = "h", dbname = "d", credentials = { kind = "vault", path = "aurora-sync/*" } }
    }
  }
  expect_failures = [var.sources]
}

run "vault_on_the_whole_internet_is_refused" {
  command = plan
  variables {
    vault = { url = "https://vault.example.com", cidr_blocks = ["0.0.0.0/0"] }
  }
  expect_failures = [var.vault]
}

# B3: daily and weekly groups.
run "two_days_of_silence" {
  command = plan
  variables {
    silence_hours = 48
  }
}

run "more_than_cloudwatch_looks_back_is_refused" {
  command = plan
  variables {
    silence_hours = 169
  }
  expect_failures = [var.silence_hours]
}

# A12: a port in one place.
run "vaults_port_is_the_urls" {
  command = apply
  variables {
    vault = { url = "https://vault.example.com", cidr_blocks = ["10.30.0.0/24"], manage = false }
    sources = {
      shop = { host = "h", dbname = "d", credentials = { kind = "vault", path = "shop" } }
    }
  }
  assert {
    condition     = module.network.vault_port == 443
    error_message = "the security group opens another port than the function calls"
  }
}

# B2: an account-wide setting is left alone unless asked for.
run "api_gateways_role_is_left_alone" {
  command = apply
  assert {
    condition     = !module.compute.sets_api_gateway_logging
    error_message = "another stack's log role is overwritten"
  }
}
