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
  description = "Package of the function."
}

variable "memory_mb" {
  type        = number
  description = "Memory of the function in MB."
}

variable "concurrency" {
  type        = number
  description = "Reserved concurrency."
}

variable "log_retention_days" {
  type        = number
  description = "Retention of the log groups in days."
}

variable "sources" {
  type = map(object({
    host        = string
    dbname      = string
    secret_id   = string
    sslrootcert = optional(string)
  }))
  description = "Source name -> where it lives, and the ARN of its secret."
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
