# The way to an Aurora cluster that lives in another VPC of this account and region.
data "aws_vpc" "aurora" {
  count = var.aurora_vpc_id == null ? 0 : 1
  id    = var.aurora_vpc_id

  lifecycle {
    postcondition {
      condition     = self.default != true
      error_message = "Aurora lives in the default VPC: this is not for it."
    }
    # Without them neither the private names of the endpoints nor Aurora's are resolved.
    postcondition {
      condition     = self.enable_dns_support && self.enable_dns_hostnames
      error_message = "Aurora's VPC needs the attributes enableDnsSupport and enableDnsHostnames."
    }
  }
}

resource "aws_vpc_peering_connection" "aurora" {
  count       = var.aurora_vpc_id == null ? 0 : 1
  vpc_id      = aws_vpc.this.id
  peer_vpc_id = data.aws_vpc.aurora[0].id
  auto_accept = true
  tags        = { Name = "${var.name}-aurora" }

  # The cluster's name resolves to its private address from both sides.
  accepter {
    allow_remote_vpc_dns_resolution = true
  }
  requester {
    allow_remote_vpc_dns_resolution = true
  }
}

resource "aws_route" "to_aurora" {
  count                     = var.aurora_vpc_id == null ? 0 : 1
  route_table_id            = aws_route_table.private.id
  destination_cidr_block    = data.aws_vpc.aurora[0].cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection.aurora[0].id
}

resource "aws_route" "from_aurora" {
  for_each                  = var.aurora_vpc_id == null ? [] : toset(var.aurora_route_table_ids)
  route_table_id            = each.key
  destination_cidr_block    = var.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection.aurora[0].id
}
