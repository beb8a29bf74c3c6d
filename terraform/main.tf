locals {
  # Data and job objects live under it; a stage is its root.
  landing_prefix = "landing/"
}

module "network" {
  source                   = "./modules/network"
  name                     = var.name
  region                   = var.region
  vpc_id                   = var.vpc_id
  private_subnet_ids       = var.private_subnet_ids
  private_route_table_ids  = var.private_route_table_ids
  aurora_security_group_id = var.aurora_security_group_id
  aurora_port              = var.aurora_port
}

module "storage" {
  source         = "./modules/storage"
  name           = var.name
  account_id     = var.aws_account_id
  region         = var.region
  landing_prefix = local.landing_prefix
  retention_days = var.landing_retention_days
}

module "compute" {
  source              = "./modules/compute"
  name                = var.name
  account_id          = var.aws_account_id
  region              = var.region
  zip                 = var.lambda_zip
  memory_mb           = var.lambda_memory_mb
  concurrency         = var.lambda_concurrency
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
}

module "observability" {
  source          = "./modules/observability"
  name            = var.name
  account_id      = var.aws_account_id
  function_name   = module.compute.function_name
  log_group       = module.compute.log_group
  dead_letters    = module.compute.dead_letters
  timeout_seconds = module.compute.timeout_seconds
  kms_key_arn     = module.storage.kms_key_arn
  silence_hours   = var.silence_hours
  alarm_emails    = var.alarm_emails
}
