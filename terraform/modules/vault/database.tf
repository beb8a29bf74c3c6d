# Short-lived logins, members of the reader role and nothing else. The connection itself,
# with the login that may make roles, is the Vault administrators' own.
resource "vault_database_secret_backend_role" "reader" {
  for_each    = var.database_roles
  backend     = each.value.mount
  name        = each.key
  db_name     = each.value.connection
  default_ttl = each.value.ttl_seconds
  max_ttl     = each.value.ttl_seconds
  creation_statements = [
    "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' INHERIT IN ROLE \"${each.value.reader_role}\"",
  ]
  # A session that ends here would otherwise come back before the role is gone.
  revocation_statements = [
    "ALTER ROLE \"{{name}}\" NOLOGIN",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{{name}}'",
    "DROP ROLE IF EXISTS \"{{name}}\"",
  ]
}
