locals {
  # Data and job objects live under it; a stage is its root.
  landing_prefix = "landing/"

  # The one place for the version: scripts/package_lambda packs for the same one.
  lambda_python = regex("(?m)^lambda_python = \"([0-9.]+)\"$", file("${path.module}/../pyproject.toml"))[0]

  kinds      = toset([for source in values(var.sources) : source.credentials.kind])
  uses_vault = contains(local.kinds, "vault")

  # The URL alone says where Vault listens.
  vault_port = try(tonumber(regex(":([0-9]+)$", var.vault.url)[0]), 443)

  uses_secrets = contains(local.kinds, "secrets_manager") || anytrue([
    for source in values(var.sources) : source.credentials.hash_key_secret_id != null
  ])
  vault_sources = merge(
    { for name, source in var.sources : name => source.credentials if source.credentials.kind == "vault" },
    # No name of a source has this character.
    {
      for name, source in var.sources : "${name}#log" => merge(source.log.credentials, { hash_key_path = null, kv_mount = null })
      if try(source.log.credentials.kind, "") == "vault"
    },
  )
  log_sources = sort([for name, source in var.sources : name if source.log != null])
}

module "vpc" {
  count                  = var.new_vpc == null ? 0 : 1
  source                 = "./modules/vpc"
  name                   = var.name
  account_id             = var.aws_account_id
  cidr                   = var.new_vpc.cidr
  availability_zones     = var.new_vpc.availability_zones
  nat                    = var.new_vpc.nat
  aurora_vpc_id          = var.new_vpc.aurora_vpc_id
  aurora_route_table_ids = var.new_vpc.aurora_route_table_ids
  kms_key_arn            = module.storage.kms_key_arn
  log_retention_days     = var.log_retention_days
}

module "network" {
  source                   = "./modules/network"
  name                     = var.name
  region                   = var.region
  vpc_id                   = var.new_vpc == null ? var.vpc_id : module.vpc[0].vpc_id
  private_subnet_ids       = var.new_vpc == null ? var.private_subnet_ids : module.vpc[0].private_subnet_ids
  private_route_table_ids  = var.new_vpc == null ? var.private_route_table_ids : module.vpc[0].private_route_table_ids
  aurora_security_group_id = var.aurora_security_group_id
  aurora_port              = var.aurora_port
  vault_cidr_blocks        = local.uses_vault ? var.vault.cidr_blocks : []
  vault_port               = local.vault_port

  given_s3_endpoint         = var.given_endpoints.s3
  given_interface_endpoints = var.given_endpoints.interface
  interface_endpoints = setunion(
    ["lambda"],
    local.uses_secrets ? ["secretsmanager"] : [],
    var.extra_interface_endpoints,
  )
}

module "storage" {
  source         = "./modules/storage"
  name           = var.name
  account_id     = var.aws_account_id
  region         = var.region
  landing_prefix = local.landing_prefix
  retention_days = var.landing_retention_days
  pipes          = var.pipes

  log_retention_days = var.log_retention_days

  # By name: the roles themselves come later, and need the bucket.
  writer_role_arns = [
    for role in ["front", "worker"] :
    "arn:aws:iam::${var.aws_account_id}:role/${var.name}-${role}"
  ]
}

module "compute" {
  source              = "./modules/compute"
  name                = var.name
  account_id          = var.aws_account_id
  region              = var.region
  zip                 = var.lambda_zip
  memory_mb           = var.lambda_memory_mb
  front_concurrency   = var.front_concurrency
  worker_concurrency  = var.worker_concurrency
  log_retention_days  = var.log_retention_days
  sources             = var.sources
  aurora_port         = var.aurora_port
  secret_kms_key_arns = var.secret_kms_key_arns
  subnet_ids          = module.network.subnet_ids
  security_group_id   = module.network.function_security_group_id
  bucket              = module.storage.bucket
  bucket_arn          = module.storage.bucket_arn
  landing_prefix      = local.landing_prefix
  kms_key_arn         = module.storage.kms_key_arn
  caller_role_name    = module.snowflake.api_role_name
  vault               = local.uses_vault ? var.vault : null
  snowflake_vpc_ids   = var.snowflake_vpc_ids
  runtime             = "python${local.lambda_python}"
  metrics             = var.metrics

  code_signing_config_arn    = var.code_signing_config_arn
  manage_api_gateway_logging = var.manage_api_gateway_logging
}

module "snowflake" {
  source         = "./modules/snowflake"
  name           = var.name
  account_id     = var.aws_account_id
  bucket         = module.storage.bucket
  bucket_arn     = module.storage.bucket_arn
  landing_prefix = local.landing_prefix
  kms_key_arn    = module.storage.kms_key_arn
  api_url        = module.compute.api_url
  api_arn        = module.compute.api_arn
  private_api    = length(var.snowflake_vpc_ids) > 0
  region         = var.region

  environment     = var.snowflake_environment
  alerts_by_sns   = var.alerts_by_sns
  alert_emails    = var.alert_emails
  alarm_topic_arn = module.observability.topic_arn
}

module "pipe" {
  count          = var.pipes ? 1 : 0
  source         = "./modules/pipe"
  name           = var.name
  account_id     = var.aws_account_id
  region         = var.region
  bucket         = module.storage.bucket
  landing_prefix = local.landing_prefix
  kms_key_arn    = module.storage.kms_key_arn
}

module "vault" {
  count           = local.uses_vault && try(var.vault.manage, false) ? 1 : 0
  source          = "./modules/vault"
  name            = var.name
  auth_mount      = var.vault.auth_mount
  worker_role_arn = module.compute.worker_role_arn
  sources         = local.vault_sources
  database_roles  = var.vault.database_roles
  # A login of the database engine ends with the token that asked for it.
  token_seconds = max(3600, [for role in values(var.vault.database_roles) : role.ttl_seconds]...)
}

module "observability" {
  source        = "./modules/observability"
  name          = var.name
  account_id    = var.aws_account_id
  front         = module.compute.front
  worker        = module.compute.worker
  source_names  = sort(keys(var.sources))
  log_sources   = local.log_sources
  dead_letters  = module.compute.dead_letters
  kms_key_arn   = module.storage.kms_key_arn
  silence_hours = var.silence_hours
  alarm_emails  = var.alarm_emails

  watchdog_minutes = var.watchdog_minutes

  log_silence_hours      = var.log_silence_hours
  log_retained_gigabytes = var.log_retained_gigabytes
}
