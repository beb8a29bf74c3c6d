# What lambda_extract/settings.py and secrets.py read; settings.py refuses unknown fields,
# so absent ones are left out. It is an object, because environment variables hold 4 KB in
# all. Its name changes with its content: a function with the old name goes on reading the
# old content until it is updated. It lies beside the landing prefix, where no rule expires
# it and Snowflake's role reads nothing; secrets are not in it.
resource "aws_s3_object" "sources" {
  bucket       = var.bucket
  key          = "${local.settings_prefix}sources-${sha256(local.sources_text)}.json"
  content      = local.sources_text
  content_type = "application/json"
  kms_key_id   = var.kms_key_arn

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  settings_prefix = "settings/"
  sources_text    = jsonencode(local.sources)

  vault_login = var.vault == null ? null : {
    for key, value in {
      method       = "aws_iam"
      role         = var.name
      mount        = var.vault.auth_mount
      header_value = var.vault.server_id
      sts_region   = var.vault.sts_region
    } : key => value if value != null
  }

  # What every source in Vault shares.
  vault_settings = {
    for key, value in {
      url       = try(var.vault.url, null)
      namespace = try(var.vault.namespace, null)
      ca_bundle = try(var.vault.ca_bundle, null)
      login     = local.vault_login
    } : key => value if value != null
  }

  credentials = {
    for name, source in var.sources : name => merge(
      {
        for key, value in merge(source.credentials, {
          engine = source.credentials.kind == "vault" ? source.credentials.engine : null
          region = source.credentials.kind == "rds_iam" ? var.region : null
          # For IAM policies only.
          resource_id = null
        }) : key => value if value != null
      },
      { for key, value in local.vault_settings : key => value if source.credentials.kind == "vault" },
    )
  }

  log_credentials = {
    for name, source in var.sources : name => merge(
      {
        for key, value in merge(source.log.credentials, {
          engine = source.log.credentials.kind == "vault" ? source.log.credentials.engine : null
          region = source.log.credentials.kind == "rds_iam" ? var.region : null
          # For IAM policies only.
          resource_id = null
        }) : key => value if value != null
      },
      { for key, value in local.vault_settings : key => value if source.log.credentials.kind == "vault" },
    ) if source.log != null
  }

  logs = {
    for name, source in var.sources : name => {
      for key, value in {
        credentials             = local.log_credentials[name]
        slot                    = source.log.slot
        drop_retained_gigabytes = source.log.drop_retained_gigabytes
      } : key => value if value != null
    } if source.log != null
  }

  sources = {
    for name, source in var.sources : name => {
      for key, value in {
        host                = source.host
        port                = var.aurora_port
        dbname              = source.dbname
        sslmode             = "verify-full"
        sslrootcert         = source.sslrootcert
        tables              = source.tables
        owners              = source.owners
        required_protection = source.required_protection
        reader              = try({ host = source.reader.host, port = coalesce(source.reader.port, var.aurora_port) }, null)
        reader_wait_seconds = source.reader_wait_seconds
        reader_behind       = source.reader_behind
        credentials         = local.credentials[name]
        log                 = try(local.logs[name], null)
      } : key => value if value != null
    }
  }

  secret_ids = distinct(concat(
    [
      for source in values(var.sources) : source.credentials.secret_id
      if source.credentials.kind == "secrets_manager"
    ],
    [
      for source in values(var.sources) : source.credentials.hash_key_secret_id
      if source.credentials.hash_key_secret_id != null
    ],
    [
      for source in values(var.sources) : source.log.credentials.secret_id
      if try(source.log.credentials.kind, "") == "secrets_manager"
    ],
  ))

  logins = concat(
    [for source in values(var.sources) : { kind = source.credentials.kind, resource_id = source.credentials.resource_id, user = source.credentials.user }],
    [for source in values(var.sources) : { kind = source.log.credentials.kind, resource_id = source.log.credentials.resource_id, user = source.log.credentials.user } if source.log != null],
  )

  database_users = [
    for login in local.logins :
    "arn:aws:rds-db:${var.region}:${var.account_id}:dbuser:${login.resource_id}/${login.user}"
    if login.kind == "rds_iam"
  ]
}
