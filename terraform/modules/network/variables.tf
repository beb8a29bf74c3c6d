variable "name" {
  type        = string
  description = "Prefix of every AWS name."
}

variable "region" {
  type        = string
  description = "AWS region."
}

variable "vpc_id" {
  type        = string
  description = "The VPC that reaches Aurora."
}

variable "private_subnet_ids" {
  type        = list(string)
  description = "Private subnets of the VPC."
}

variable "private_route_table_ids" {
  type        = list(string)
  description = "Route tables that get the S3 gateway endpoint."
}

variable "aurora_security_group_id" {
  type        = string
  description = "Security group of the Aurora cluster."
}

variable "aurora_port" {
  type        = number
  description = "Port of the Aurora cluster."
}

variable "interface_endpoints" {
  type        = set(string)
  description = "Services that get an interface endpoint."
}

variable "given_s3_endpoint" {
  type        = bool
  description = "The route tables have an S3 gateway endpoint already."
}

variable "given_interface_endpoints" {
  type        = map(string)
  description = "Interface endpoints that the VPC has already: service to its security group."
}

variable "vault_cidr_blocks" {
  type        = set(string)
  description = "Where Vault is reached; empty if no source uses it."
}

variable "vault_port" {
  type        = number
  description = "Port of Vault."
}
