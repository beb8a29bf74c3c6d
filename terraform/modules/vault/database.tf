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
  # Vault runs these in one transaction, so NOLOGIN would be seen by nobody before the
  # role is gone. Sessions are ended if Vault's own login may (pg_signal_backend): a
  # refusal would roll everything back, and the role would stay.
  revocation_statements = [
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{{name}}' AND pg_has_role(current_user, 'pg_signal_backend', 'USAGE')",
    "DROP ROLE IF EXISTS \"{{name}}\"",
  ]
}
