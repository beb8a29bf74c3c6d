# The worker's role, and it alone, may log in and read exactly the secrets of its sources.
locals {
  kv_paths = toset(compact(flatten([
    for source in values(var.sources) : [
      source.engine == "kv" ? "${source.mount == null ? "secret" : source.mount}/data/${source.path}" : null,
      source.hash_key_path == null ? null : "${source.kv_mount == null ? "secret" : source.kv_mount}/data/${source.hash_key_path}",
    ]
  ])))

  database_paths = toset([
    for source in values(var.sources) :
    "${source.mount == null ? "database" : source.mount}/creds/${source.role}"
    if source.engine == "database"
  ])
}

resource "vault_policy" "function" {
  name = var.name
  policy = join("\n", [
    for path in sort(setunion(local.kv_paths, local.database_paths)) :
    "path \"${path}\" {\n  capabilities = [\"read\"]\n}\n"
  ])
}

resource "vault_aws_auth_backend_role" "function" {
  backend                  = var.auth_mount
  role                     = var.name
  auth_type                = "iam"
  bound_iam_principal_arns = [var.worker_role_arn]
  # A role recreated under the old name does not inherit what the old one could do.
  resolve_aws_unique_ids  = true
  token_policies          = [vault_policy.function.name]
  token_no_default_policy = true
  # A database login ends with the token that asked for it.
  token_ttl     = var.token_seconds
  token_max_ttl = var.token_seconds
}
