# What is made with these outputs may name the peer's security groups, which takes an active
# peering, and may be called from the peer or call it, which takes the routes.
output "vpc_id" {
  description = "The VPC, once Aurora's is peered."
  value       = aws_vpc.this.id
  depends_on  = [aws_vpc_peering_connection.aurora]
}

output "private_subnet_ids" {
  description = "Its private subnets, once their routes are there."
  value       = [for subnet in aws_subnet.private : subnet.id]
  depends_on = [
    aws_route.from_aurora,
    aws_route.to_aurora,
    aws_route.to_nat,
    aws_route_table_association.private,
  ]
}

output "private_route_table_ids" {
  description = "Their route table."
  value       = [aws_route_table.private.id]
}
