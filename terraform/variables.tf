variable "region" {
  type        = string
  description = "AWS region of everything; the one of the Aurora cluster."

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-west-1."
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

variable "vpc_id" {
  type        = string
  description = "The VPC that reaches Aurora; never the default one."

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "A VPC id looks like vpc-0123456789abcdef0."
  }
}

variable "private_subnet_ids" {
  type        = list(string)
  description = "Private subnets of the VPC, in two availability zones or more."

  validation {
    condition = (
      length(distinct(var.private_subnet_ids)) >= 2
      && alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    )
    error_message = "At least two different subnet ids."
  }
}

variable "private_route_table_ids" {
  type        = list(string)
  description = "Route tables of these subnets: the S3 gateway endpoint is entered there."

  validation {
    condition = (
      length(var.private_route_table_ids) > 0
      && alltrue([for id in var.private_route_table_ids : can(regex("^rtb-[0-9a-f]+$", id))])
    )
    error_message = "At least one route table id."
  }
}

variable "aurora_security_group_id" {
  type        = string
  description = "Security group of the Aurora cluster; gets one ingress rule from the function."

  validation {
    condition     = can(regex("^sg-[0-9a-f]+$", var.aurora_security_group_id))
    error_message = "A security group id looks like sg-0123456789abcdef0."
  }
}

variable "aurora_port" {
  type        = number
  description = "Port of the Aurora cluster."
  default     = 5432

  validation {
    condition     = var.aurora_port > 0 && var.aurora_port < 65536
    error_message = "A TCP port."
  }
}

variable "sources" {
  type = map(object({
    host        = string
    dbname      = string
    secret_id   = string
    sslrootcert = optional(string)
  }))
  description = "Source name -> writer endpoint, database, complete ARN of its Secrets Manager secret (fields username, password), path of the CA bundle in the function's zip."

  validation {
    condition = length(var.sources) > 0 && alltrue([
      for source in values(var.sources) :
      can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", source.secret_id))
    ])
    error_message = "At least one source, each with the complete ARN of its secret."
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
  description = "Memory of the function in MB; its share of a CPU grows with it."
  default     = 1769

  validation {
    condition     = var.lambda_memory_mb >= 256 && var.lambda_memory_mb <= 10240
    error_message = "256 to 10240 MB."
  }
}

variable "lambda_concurrency" {
  type        = number
  description = "Reserved concurrency: workers, and the POSTs and GETs beside them."
  default     = 40

  validation {
    condition     = var.lambda_concurrency >= 10 && var.lambda_concurrency <= 1000
    error_message = "10 to 1000."
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

variable "silence_hours" {
  type        = number
  description = "The dead-man alarm fires when no extract has been asked for in so many hours."
  default     = 3

  validation {
    condition     = var.silence_hours >= 1 && var.silence_hours <= 24 && floor(var.silence_hours) == var.silence_hours
    error_message = "1 to 24 whole hours: CloudWatch looks back one day."
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
