variable "name" {
  type        = string
  description = "Prefix of every AWS name."
}

variable "account_id" {
  type        = string
  description = "AWS account."
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

variable "api_url" {
  type        = string
  description = "URL that the API integration may call."
}

variable "api_arn" {
  type        = string
  description = "Execution ARN of the API's stage."
}

variable "region" {
  type        = string
  description = "AWS region."
}

variable "private_api" {
  type        = bool
  description = "The API is reached from within Snowflake's VPC only."
}

variable "environment" {
  type        = string
  description = "Environment in the Snowflake account; empty: the only one."
}

variable "alerts_by_sns" {
  type        = bool
  description = "Make a notification integration for the alarm topic."
}

variable "alarm_topic_arn" {
  type        = string
  description = "SNS topic of all alarms."
}

variable "alert_emails" {
  type        = set(string)
  description = "Addresses that Snowflake may write to."
}
