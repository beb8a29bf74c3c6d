data "aws_vpc" "given" {
  id = var.vpc_id

  lifecycle {
    postcondition {
      condition     = self.default != true
      error_message = "The default VPC is not for this: name a VPC with private subnets."
    }
    # Without them neither the private names of the endpoints nor Aurora's are resolved.
    postcondition {
      condition     = self.enable_dns_support && self.enable_dns_hostnames
      error_message = "The VPC needs the attributes enableDnsSupport and enableDnsHostnames."
    }
  }
}

data "aws_prefix_list" "s3" {
  name = "com.amazonaws.${var.region}.s3"
}

# A route table takes one S3 gateway endpoint, a VPC one private name of each service.
resource "aws_vpc_endpoint" "s3" {
  count             = var.given_s3_endpoint ? 0 : 1
  vpc_id            = data.aws_vpc.given.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.private_route_table_ids
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = setsubtract(var.interface_endpoints, keys(var.given_interface_endpoints))
  vpc_id              = data.aws_vpc.given.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.private_subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
}
