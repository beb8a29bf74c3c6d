output "subnet_ids" {
  description = "Subnets of the function."
  value       = var.private_subnet_ids
}

output "function_security_group_id" {
  description = "Security group of the function."
  value       = aws_security_group.function.id
}

output "vault_port" {
  description = "The port that is open to Vault."
  value       = var.vault_port
}
