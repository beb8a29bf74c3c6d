variables {
  name            = "aurora-sync"
  auth_mount      = "aws"
  worker_role_arn = "arn:aws:iam::123456789012:role/aurora-sync-worker"
  token_seconds   = 3600
  sources = {
    crm  = { engine = "kv", mount = null, path = "aurora-sync/crm", role = null, hash_key_path = null, kv_mount = null }
    shop = { engine = "database", mount = null, path = null, role = "shop-reader", hash_key_path = "aurora-sync/shop", kv_mount = "team" }
  }
  database_roles = {
    shop-reader = { mount = "database", connection = "shop", reader_role = "aurora_sync_reader", ttl_seconds = 3600 }
  }
}

run "vault" {
  command = apply
  module {
    source = "./modules/vault"
  }

  assert {
    condition     = join(" ", flatten(regexall("path \"([^\"]+)\"", vault_policy.function.policy))) == "database/creds/shop-reader secret/data/aurora-sync/crm team/data/aurora-sync/shop"
    error_message = "the policy opens other paths than those of the sources"
  }
  assert {
    condition     = toset(flatten(regexall("capabilities = \\[([^]]*)\\]", vault_policy.function.policy))) == toset(["\"read\""])
    error_message = "the policy allows more than reading"
  }
  assert {
    condition = (
      vault_aws_auth_backend_role.function.bound_iam_principal_arns == toset(["arn:aws:iam::123456789012:role/aurora-sync-worker"])
      && vault_aws_auth_backend_role.function.auth_type == "iam"
      && vault_aws_auth_backend_role.function.resolve_aws_unique_ids
    )
    error_message = "others than the worker's role may log in"
  }
  assert {
    condition     = vault_aws_auth_backend_role.function.token_policies == toset(["aurora-sync"]) && vault_aws_auth_backend_role.function.token_no_default_policy
    error_message = "a token has other policies than the one made for it"
  }
  assert {
    condition     = vault_aws_auth_backend_role.function.token_ttl >= max([for role in values(vault_database_secret_backend_role.reader) : role.max_ttl]...)
    error_message = "database logins end with a token that lives shorter than they"
  }
}
