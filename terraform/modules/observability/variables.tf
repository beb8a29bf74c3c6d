variable "name" {
  type        = string
  description = "Prefix of every AWS name."
}

variable "account_id" {
  type        = string
  description = "AWS account."
}

variable "front" {
  type = object({
    name            = string
    log_group       = string
    timeout_seconds = number
  })
  description = "The function that answers the API."
}

variable "worker" {
  type = object({
    name            = string
    arn             = string
    log_group       = string
    timeout_seconds = number
  })
  description = "The function that reads Aurora."
}

variable "dead_letters" {
  type        = string
  description = "Name of the dead letter queue."
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

variable "source_names" {
  type        = list(string)
  description = "Sources that the watchdog checks."
}

variable "watchdog_minutes" {
  type        = number
  description = "Minutes between two checks."
}

variable "log_sources" {
  type        = list(string)
  description = "Sources whose log is read."
}

variable "log_silence_hours" {
  type        = number
  description = "Hours without a capture until the alarm."
}

variable "log_retained_gigabytes" {
  type        = number
  description = "WAL that a slot may hold back until the alarm."
}
