variable "vpc_id" {
  type        = string
  description = "The VPC that reaches Aurora, never the default one; null: new_vpc makes one."
  default     = null

  validation {
    condition     = var.vpc_id == null ? true : can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "A VPC id looks like vpc-0123456789abcdef0."
  }
  validation {
    condition     = (var.vpc_id == null) != (var.new_vpc == null)
    error_message = "Either vpc_id names a VPC, or new_vpc describes one."
  }
}

variable "private_subnet_ids" {
  type        = list(string)
  description = "Private subnets of the VPC vpc_id, in two availability zones or more."
  default     = []

  validation {
    condition = var.vpc_id == null ? length(var.private_subnet_ids) == 0 : (
      length(distinct(var.private_subnet_ids)) >= 2
      && alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    )
    error_message = "At least two different subnet ids, beside vpc_id."
  }
}

variable "private_route_table_ids" {
  type        = list(string)
  description = "Route tables of these subnets: the S3 gateway endpoint is entered there."
  default     = []

  validation {
    condition = var.vpc_id == null ? length(var.private_route_table_ids) == 0 : (
      length(var.private_route_table_ids) > 0
      && alltrue([for id in var.private_route_table_ids : can(regex("^rtb-[0-9a-f]+$", id))])
    )
    error_message = "At least one route table id, beside vpc_id."
  }
}

variable "new_vpc" {
  type = object({
    cidr                   = string
    availability_zones     = list(string)
    nat                    = optional(bool, false)
    aurora_vpc_id          = optional(string)
    aurora_route_table_ids = optional(list(string), [])
  })
  description = "A VPC to make instead of vpc_id. nat: a way to the internet, for a Vault out there. aurora_vpc_id: the cluster's VPC, to be peered, and the route tables of the cluster's subnets."
  default     = null

  validation {
    condition = var.new_vpc == null ? true : (
      can(cidrsubnet(var.new_vpc.cidr, 4, 15))
      && try(tonumber(split("/", var.new_vpc.cidr)[1]), 0) >= 16
      && try(tonumber(split("/", var.new_vpc.cidr)[1]), 99) <= 24
    )
    error_message = "new_vpc.cidr is a network of 16 to 24 bits, like 10.20.0.0/20."
  }
  validation {
    condition = var.new_vpc == null ? true : (
      length(distinct(var.new_vpc.availability_zones)) >= 2
      && length(var.new_vpc.availability_zones) <= 6
      && alltrue([for zone in var.new_vpc.availability_zones : startswith(zone, var.region)])
    )
    error_message = "new_vpc.availability_zones: two to six different zones of the region."
  }
  validation {
    condition     = try(var.new_vpc.aurora_vpc_id, null) == null ? true : length(var.new_vpc.aurora_route_table_ids) > 0
    error_message = "A peered Aurora needs the way back: new_vpc.aurora_route_table_ids."
  }
}

variable "given_endpoints" {
  type = object({
    s3        = optional(bool, false)
    interface = optional(map(string), {})
  })
  description = "Endpoints that vpc_id has already, so that none is made: s3 (the gateway endpoint of the route tables), and interface endpoints with private DNS, from service (lambda, secretsmanager) to security group, which gets one ingress rule from the function."
  default     = {}

  validation {
    condition     = alltrue([for id in values(var.given_endpoints.interface) : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "given_endpoints.interface: the name of a service, and a security group id."
  }
  validation {
    condition     = var.vpc_id != null || (!var.given_endpoints.s3 && length(var.given_endpoints.interface) == 0)
    error_message = "A new VPC has no endpoints yet."
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

variable "extra_interface_endpoints" {
  type        = set(string)
  description = "Interface endpoints beside lambda and (for sources with such secrets) secretsmanager, each paid by the hour. The function itself needs none of them: S3, Lambda and Vault ask KMS, CloudWatch and STS on its behalf."
  default     = []

  validation {
    condition     = length(setsubtract(var.extra_interface_endpoints, ["kms", "logs", "sts", "xray", "execute-api"])) == 0
    error_message = "Of kms, logs, sts, xray and execute-api."
  }
}

variable "snowflake_vpc_ids" {
  type        = set(string)
  description = "Makes the API private: the VPC ids for egress that SYSTEM$GET_SNOWFLAKE_PLATFORM_INFO() names (same region only). Empty: a regional API, behind the same signature."
  default     = []

  validation {
    condition     = alltrue([for id in var.snowflake_vpc_ids : can(regex("^vpc-[0-9a-f]+$", id))])
    error_message = "A VPC id looks like vpc-0123456789abcdef0."
  }
}
