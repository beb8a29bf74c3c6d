variable "name" {
  type        = string
  description = "Prefix of every AWS name."
}

variable "account_id" {
  type        = string
  description = "AWS account."
}

variable "cidr" {
  type        = string
  description = "Addresses of the VPC; a subnet gets a sixteenth of them."
}

variable "availability_zones" {
  type        = list(string)
  description = "A private subnet is made in each."
}

variable "nat" {
  type        = bool
  description = "Whether there is a way out to the internet."
}

variable "aurora_vpc_id" {
  type        = string
  description = "VPC of the Aurora cluster, to be peered; null: the cluster comes into this one."
}

variable "aurora_route_table_ids" {
  type        = list(string)
  description = "Route tables of the Aurora subnets: they get the way back."
}

variable "kms_key_arn" {
  type        = string
  description = "The one key of this deployment."
}

variable "log_retention_days" {
  type        = number
  description = "Retention of the flow logs in days."
}
