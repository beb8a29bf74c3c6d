variable "region" {
  type        = string
  description = "AWS region of everything; the one of the Aurora cluster."

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-west-1."
  }
  validation {
    condition     = !startswith(var.region, "us-gov-") && !startswith(var.region, "cn-")
    error_message = "AWS GovCloud and AWS China are other partitions: other ARNs, another API provider of Snowflake's, other certificates of RDS. They are not supported."
  }
}

variable "aws_account_id" {
  type        = string
  description = "The only AWS account that this configuration may be applied to."

  validation {
    condition     = can(regex("^[0-9]{12}$", var.aws_account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "name" {
  type        = string
  description = "Prefix of every AWS name."
  default     = "aurora-sync"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "3 to 24 lower-case letters, digits and dashes, a letter first."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of every AWS resource, beside application."
  default     = {}

  validation {
    condition     = !contains(keys(var.tags), "application")
    error_message = "The tag application is set from var.name."
  }
}

variable "snowflake_admin_role" {
  type        = string
  description = "Snowflake role that may create integrations."
  default     = "ACCOUNTADMIN"

  validation {
    condition     = can(regex("^[A-Z_][A-Z0-9_$]{0,254}$", var.snowflake_admin_role))
    error_message = "An upper-case Snowflake identifier."
  }
}

variable "snowflake_targets" {
  type        = list(string)
  description = "Schemas that may be written, DATABASE.SCHEMA each; * stands for any characters."
  default     = ["*.*"]

  validation {
    condition     = length(var.snowflake_targets) > 0 && alltrue([for t in var.snowflake_targets : can(regex("^[A-Za-z0-9_$*]{1,255}[.][A-Za-z0-9_$*]{1,255}$", t))])
    error_message = "DATABASE.SCHEMA, at least one."
  }
}

variable "lambda_zip" {
  type        = string
  description = "The package of scripts/package_lambda.sh."
  default     = "../build/lambda_extract.zip"

  validation {
    condition     = endswith(var.lambda_zip, ".zip")
    error_message = "The path of a zip file."
  }
}

variable "lambda_memory_mb" {
  type        = number
  description = "Memory of each function in MB; its share of a CPU grows with it."
  default     = 1769

  validation {
    condition     = var.lambda_memory_mb >= 256 && var.lambda_memory_mb <= 10240
    error_message = "256 to 10240 MB."
  }
}

variable "front_concurrency" {
  type        = number
  description = "Slots that Lambda reserves for Snowflake's POSTs and GETs; a GET of a group holds one for up to 5 s. Together with worker_concurrency it must leave 100 of the account's quota unreserved (a new account may have a quota of 10): null reserves none, and workers can then take the front's."
  default     = 60

  validation {
    condition     = var.front_concurrency == null ? true : var.front_concurrency >= 10 && var.front_concurrency <= 1000
    error_message = "10 to 1000, or null."
  }
}

variable "worker_concurrency" {
  type        = number
  description = "Slots that Lambda reserves for workers, each with a connection to Aurora: more of them wait. null reserves none and limits nothing but the account's quota."
  default     = 40

  validation {
    condition     = var.worker_concurrency == null ? true : var.worker_concurrency >= 1 && var.worker_concurrency <= 1000
    error_message = "1 to 1000, or null."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Retention of every log group, in days."
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "A retention of CloudWatch Logs of a year or more."
  }
}

variable "landing_retention_days" {
  type        = number
  description = "Days after which data and job objects expire; a sync needs them for hours."
  default     = 7

  validation {
    condition     = var.landing_retention_days >= 2 && var.landing_retention_days <= 60
    error_message = "2 to 60 days."
  }
}

variable "log_silence_hours" {
  type        = number
  description = "Hours without a capture of a source with log until the alarm: the server keeps its WAL for as long."
  default     = 3

  validation {
    condition     = var.log_silence_hours >= 1 && var.log_silence_hours <= 24
    error_message = "1 to 24 hours."
  }
}

variable "log_retained_gigabytes" {
  type        = number
  description = "WAL that a replication slot may hold back until the alarm."
  default     = 20

  validation {
    condition     = var.log_retained_gigabytes > 0
    error_message = "More than 0."
  }
}

variable "metrics" {
  type        = string
  description = "By what the metrics of extractions in CloudWatch (namespace AuroraSync) are told apart: none, source, or table, which makes four metrics more for each table."
  default     = "source"

  validation {
    condition     = contains(["none", "source", "table"], var.metrics)
    error_message = "none, source or table."
  }
}

variable "silence_hours" {
  type        = number
  description = "The dead-man alarm fires when no extract has been asked for in so many hours: more than the longest pause between two runs of a group (daily groups: 26)."
  default     = 3

  validation {
    condition     = var.silence_hours >= 1 && var.silence_hours <= 168 && floor(var.silence_hours) == var.silence_hours
    error_message = "1 to 168 whole hours: CloudWatch looks back seven days."
  }
}

variable "alarm_emails" {
  type        = set(string)
  description = "Addresses that get the alarms; each must confirm its subscription."
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Mail addresses."
  }
}

variable "code_signing_config_arn" {
  type        = string
  description = "Code signing configuration that Lambda checks the package against; null: none."
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null ? true : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "The ARN of a code signing configuration."
  }
}

variable "manage_api_gateway_logging" {
  type        = bool
  description = "Set the account's and region's one role that API Gateway writes logs with. true only if there is none (API Gateway then refuses the stage: 'CloudWatch Logs role ARN must be set in account settings'): it would overwrite another stack's, and destroy takes it away."
  default     = false
  nullable    = false
}

variable "watchdog_minutes" {
  type        = number
  description = "Minutes between two checks of credentials, Aurora and S3."
  default     = 60

  validation {
    condition     = contains([5, 10, 15, 30, 60, 120, 240], var.watchdog_minutes)
    error_message = "5, 10, 15, 30, 60, 120 or 240."
  }
}

variable "snowflake_environment" {
  type        = string
  description = "Name of one of several environments in one Snowflake account: dev makes AURORA_SYNC_API_DEV, and deploy_snowflake.sh AURORA_SYNC_DEV, SYNC_ADMIN_DEV and so on. Empty: the only one."
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z][A-Za-z0-9_]{0,29})?$", var.snowflake_environment))
    error_message = "A letter, then at most 29 letters, digits or underscores."
  }
}

variable "alerts_by_sns" {
  type        = bool
  description = "Make the notification integration AURORA_SYNC_ALERTS, which publishes to the alarm topic."
  default     = false
  nullable    = false
}

variable "alert_emails" {
  type        = set(string)
  description = "Verified addresses of Snowflake users that the integration AURORA_SYNC_EMAIL may write to; empty: it is not made."
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Mail addresses."
  }
}

variable "pipes" {
  type        = bool
  description = "Tell Snowpipe of new files, for tables with load_method snowpipe."
  default     = false
  nullable    = false
}
