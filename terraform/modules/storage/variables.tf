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

variable "landing_prefix" {
  type        = string
  description = "Prefix of data and job objects, ending in a slash."
}

variable "retention_days" {
  type        = number
  description = "Days until landing objects expire."
}

variable "pipes" {
  type        = bool
  description = "EventBridge publishes new files to an encrypted topic."
}

variable "log_retention_days" {
  type        = number
  description = "Days until access logs expire."
}

variable "writer_role_arns" {
  type        = list(string)
  description = "The only roles that may write below the landing prefix."
}
