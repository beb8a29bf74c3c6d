variable "name" {
  type        = string
  description = "Prefix of every AWS name."
}

variable "account_id" {
  type        = string
  description = "AWS account."
}

variable "region" {
  type        = string
  description = "AWS region."
}

variable "zip" {
  type        = string
  description = "Package of both functions."
}

variable "metrics" {
  type        = string
  description = "By what the metrics of extractions are told apart: none, source, table."
}

variable "memory_mb" {
  type        = number
  description = "Memory of each function in MB."
}

variable "front_concurrency" {
  type        = number
  description = "Reserved concurrency of the front; null: none is reserved."
}

variable "worker_concurrency" {
  type        = number
  description = "Reserved concurrency of the workers; null: none is reserved, and nothing limits them."
}

variable "log_retention_days" {
  type        = number
  description = "Retention of the log groups in days."
}

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
  description = "Source name -> where it lives, and where its credentials are kept."
}

variable "aurora_port" {
  type        = number
  description = "Port of the Aurora cluster."
}

variable "secret_kms_key_arns" {
  type        = list(string)
  description = "Customer keys of the secrets."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets of the function."
}

variable "security_group_id" {
  type        = string
  description = "Security group of the function."
}

variable "bucket" {
  type        = string
  description = "Name of the landing bucket."
}

variable "bucket_arn" {
  type        = string
  description = "ARN of the landing bucket."
}

variable "landing_prefix" {
  type        = string
  description = "Prefix of data and job objects, ending in a slash."
}

variable "kms_key_arn" {
  type        = string
  description = "The one key of this deployment."
}

variable "caller_role_name" {
  type        = string
  description = "Role whose session may call the API."
}

variable "runtime" {
  type        = string
  description = "Lambda's name of the Python version."
}

variable "code_signing_config_arn" {
  type        = string
  description = "Code signing configuration; null: the zip need not be signed."
}

variable "vault" {
  type = object({
    url        = string
    namespace  = string
    ca_bundle  = string
    auth_mount = string
    server_id  = string
    sts_region = string
  })
  description = "Vault, if a source keeps its credentials there; or null."
}

variable "snowflake_vpc_ids" {
  type        = set(string)
  description = "Makes the API private to these VPCs; empty: a regional one."
}

variable "manage_api_gateway_logging" {
  type        = bool
  description = "Give API Gateway the account-wide role that it writes logs with."
}
