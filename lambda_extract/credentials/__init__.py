"""Logins of sources: Vault, Secrets Manager, IAM."""
