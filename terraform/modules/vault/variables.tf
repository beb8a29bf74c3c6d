variable "name" {
  type        = string
  description = "Name of the policy and of the login role."
}

variable "auth_mount" {
  type        = string
  description = "Where the AWS authentication method is mounted."
}

variable "worker_role_arn" {
  type        = string
  description = "The only principal that may log in."
}

variable "token_seconds" {
  type        = number
  description = "Life of a token in seconds."
}

variable "sources" {
  type = map(object({
    engine        = string
    mount         = string
    path          = string
    role          = string
    hash_key_path = string
    kv_mount      = string
  }))
  description = "Where each source's credentials are kept."
}

variable "database_roles" {
  type = map(object({
    mount       = string
    connection  = string
    reader_role = string
    ttl_seconds = number
  }))
  description = "Roles of the database secrets engine to make: name -> connection, and the PostgreSQL role that their logins are members of."
}
