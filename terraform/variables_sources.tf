variable "sources" {
  type = map(object({
    host        = string
    dbname      = string
    sslrootcert = optional(string)
    tables      = optional(list(string))
    owners      = optional(list(string))
    reader = optional(object({
      host = string
      port = optional(number)
    }))
    reader_wait_seconds = optional(number)
    reader_behind       = optional(string)
    required_protection = optional(list(object({
      table   = string
      column  = string
      protect = string
    })))
    log = optional(object({
      slot                    = optional(string)
      drop_retained_gigabytes = optional(number)
      credentials = object({
        kind        = string
        secret_id   = optional(string)
        user        = optional(string)
        resource_id = optional(string)
        engine      = optional(string, "kv")
        mount       = optional(string)
        path        = optional(string)
        role        = optional(string)
      })
    }))
    credentials = object({
      kind               = string
      secret_id          = optional(string)
      user               = optional(string)
      resource_id        = optional(string)
      engine             = optional(string, "kv")
      mount              = optional(string)
      path               = optional(string)
      role               = optional(string)
      hash_key_path      = optional(string)
      kv_mount           = optional(string)
      hash_key_secret_id = optional(string)
    })
  }))
  description = "Source name -> writer endpoint, database, allow-list of tables (none: the reader's grants decide alone), owners (roles whose relations are read: their functions run as the reader role), required_protection (patterns of tables and columns, with protect hash, mask or exclude: what a configuration must protect at least), reader (host and port of a replica, from which rows are read once it has replayed what the writer had done; reader_wait_seconds, 30 if not set, and reader_behind, writer or fail, say how long that may last and what follows) and credentials: kind secrets_manager (secret_id: complete ARN), rds_iam (user; resource_id of the cluster, cluster-...) or vault (engine kv: path, mount; engine database: role, mount, and hash_key_path with kv_mount for hashed columns). hash_key_secret_id is the complete ARN of a secret with the hash key alone, for secrets_manager and rds_iam. log, for tables of mode log: credentials of a role of its own that may read the log, in the same kinds; slot, if the configuration names another than aurora_sync_ and the source's name; drop_retained_gigabytes, beyond which the watchdog drops the slot (never, if not set)."

  validation {
    condition = length(var.sources) > 0 && alltrue([
      for name in keys(var.sources) : can(regex("^[a-z][a-z0-9_-]{0,62}$", name))
    ])
    error_message = "At least one source; a name is lower-case."
  }
  validation {
    condition = alltrue([
      for source in values(var.sources) :
      contains(["writer", "fail"], coalesce(source.reader_behind, "writer"))
      && coalesce(source.reader_wait_seconds, 30) >= 0
      && coalesce(source.reader_wait_seconds, 30) <= 200
      && (source.reader != null || (source.reader_behind == null && source.reader_wait_seconds == null))
    ])
    error_message = "reader_behind is writer or fail, reader_wait_seconds is from 0 to 200, and both need a reader."
  }
  validation {
    condition = alltrue(flatten([
      for source in values(var.sources) : [
        for rule in coalesce(source.required_protection, []) :
        contains(["hash", "mask", "exclude"], rule.protect)
        && length(split(".", rule.table)) == 2
      ]
    ]))
    error_message = "required_protection needs table like \"public.people\" and protect hash, mask or exclude."
  }
  validation {
    condition = alltrue([
      for source in values(var.sources) :
      source.credentials.kind != "secrets_manager"
      || can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", source.credentials.secret_id))
    ])
    error_message = "credentials.kind secrets_manager needs the complete ARN of the secret."
  }
  validation {
    condition = alltrue([
      for source in values(var.sources) : source.credentials.hash_key_secret_id == null ? true : (
        source.credentials.kind != "vault"
        && can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", source.credentials.hash_key_secret_id))
      )
    ])
    error_message = "credentials.hash_key_secret_id is the complete ARN of a secret, and not for Vault, which has hash_key_path."
  }
  validation {
    condition = alltrue([
      for source in values(var.sources) :
      source.credentials.kind != "rds_iam" || (
        can(regex("^(cluster|db)-[A-Z0-9]+$", source.credentials.resource_id))
        && can(regex("^[a-z_][a-z0-9_]*$", source.credentials.user))
      )
    ])
    error_message = "credentials.kind rds_iam needs user, and resource_id like cluster-ABCDEFGHIJKL."
  }
  validation {
    condition = alltrue([
      for source in values(var.sources) : source.log == null ? true : (
        coalesce(source.log.drop_retained_gigabytes, 1) > 0
        && (source.log.slot == null ? true : can(regex("^[a-z0-9_]{1,63}$", source.log.slot)))
        && contains(["secrets_manager", "rds_iam", "vault"], source.log.credentials.kind)
        && (source.log.credentials.kind != "secrets_manager" || can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", source.log.credentials.secret_id)))
        && (source.log.credentials.kind != "rds_iam" || (
          can(regex("^(cluster|db)-[A-Z0-9]+$", source.log.credentials.resource_id))
          && can(regex("^[a-z_][a-z0-9_]*$", source.log.credentials.user))
        ))
        && (source.log.credentials.kind != "vault" || (
          var.vault != null
          && contains(["kv", "database"], source.log.credentials.engine)
          && (source.log.credentials.engine == "kv" ? source.log.credentials.path : source.log.credentials.role) != null
          && alltrue([
            for value in [source.log.credentials.path, source.log.credentials.role, source.log.credentials.mount] :
            value == null ? true : can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", value))
          ])
        ))
      )
    ])
    error_message = "log needs credentials as the source itself has them, a slot of a-z, 0-9 and _, and drop_retained_gigabytes above 0."
  }
  validation {
    # No wildcard and no way up: these become paths of a Vault policy.
    condition = alltrue([
      for source in values(var.sources) : source.credentials.kind != "vault" || (
        contains(["kv", "database"], source.credentials.engine)
        && (source.credentials.engine == "kv" ? source.credentials.path : source.credentials.role) != null
        && alltrue([
          for value in [source.credentials.path, source.credentials.role, source.credentials.mount, source.credentials.hash_key_path, source.credentials.kv_mount] :
          value == null ? true : can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", value))
        ])
      )
    ])
    error_message = "credentials.kind vault needs engine kv with path, or engine database with role; letters, digits, _, - and / only."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : contains(["secrets_manager", "rds_iam", "vault"], source.credentials.kind)])
    error_message = "credentials.kind is secrets_manager, rds_iam or vault."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.credentials.kind != "vault" || var.vault != null])
    error_message = "A source keeps its credentials in Vault: describe it with the variable vault."
  }
}

variable "vault" {
  type = object({
    url         = string
    cidr_blocks = set(string)
    namespace   = optional(string)
    ca_bundle   = optional(string)
    auth_mount  = optional(string, "aws")
    server_id   = optional(string)
    sts_region  = optional(string)
    manage      = optional(bool, true)
    database_roles = optional(map(object({
      mount       = optional(string, "database")
      connection  = string
      reader_role = string
      ttl_seconds = optional(number, 3600)
    })), {})
  })
  description = "Vault, for sources that use it: where it is (url; its port, 443 without one, is what the security group opens) and how it is reached from the function's subnets (cidr_blocks). ca_bundle: file in the function with the CA of its certificate, for scripts/package_lambda.sh --vault-ca it is /var/task/lambda_extract/vault_ca.pem. server_id: the value of the server id header that the AWS login demands. sts_region: the region of the STS endpoint that Vault asks. manage: make the policy and the login role there (needs VAULT_TOKEN or another login of the provider); database_roles: roles of the database secrets engine to make."
  default     = null

  validation {
    condition     = var.vault == null ? true : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", var.vault.url))
    error_message = "vault.url is https://host or https://host:port."
  }
  validation {
    condition = var.vault == null ? true : (
      length(var.vault.cidr_blocks) > 0
      && alltrue([for block in var.vault.cidr_blocks : can(cidrnetmask(block)) && block != "0.0.0.0/0"])
    )
    error_message = "vault.cidr_blocks: the networks Vault is in, not the whole internet."
  }
  validation {
    condition     = var.vault == null ? true : alltrue([for role in values(var.vault.database_roles) : can(regex("^[a-z_][a-z0-9_]*$", role.reader_role)) && role.ttl_seconds >= 600])
    error_message = "database_roles: reader_role is a plain PostgreSQL name, ttl_seconds 600 or more: an extraction takes up to 240."
  }
}

variable "secret_kms_key_arns" {
  type        = list(string)
  description = "Customer keys that the secrets are encrypted with; empty for the AWS managed key."
  default     = []

  validation {
    condition     = alltrue([for arn in var.secret_kms_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-f0-9-]+$", arn))])
    error_message = "Complete ARNs of KMS keys."
  }
}
