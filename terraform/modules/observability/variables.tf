variable "name" {
  type        = string
  description = "Prefix of every AWS name."
}

variable "account_id" {
  type        = string
  description = "AWS account."
}

variable "function_name" {
  type        = string
  description = "Name of the function."
}

variable "log_group" {
  type        = string
  description = "Log group of the function."
}

variable "dead_letters" {
  type        = string
  description = "Name of the dead letter queue."
}

variable "timeout_seconds" {
  type        = number
  description = "Time-out of the function in seconds."
}

variable "kms_key_arn" {
  type        = string
  description = "The one key of this deployment."
}

variable "silence_hours" {
  type        = number
  description = "Hours without a request until the alarm."
}

variable "alarm_emails" {
  type        = set(string)
  description = "Addresses that get the alarms."
}

variable "function_arn" {
  type        = string
  description = "ARN of the function."
}

variable "source_names" {
  type        = list(string)
  description = "Sources that the watchdog checks."
}

variable "watchdog_minutes" {
  type        = number
  description = "Minutes between two checks."
}
