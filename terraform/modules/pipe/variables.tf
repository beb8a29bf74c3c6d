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

variable "bucket" {
  type        = string
  description = "Name of the landing bucket."
}

variable "landing_prefix" {
  type        = string
  description = "Prefix of data and job objects, ending in a slash."
}

variable "kms_key_arn" {
  type        = string
  description = "The one key of this deployment."
}
