output "bucket" {
  description = "Name of the landing bucket."
  value       = aws_s3_bucket.landing.bucket
}

output "bucket_arn" {
  description = "ARN of the landing bucket."
  value       = aws_s3_bucket.landing.arn
}

output "kms_key_arn" {
  description = "The one key of this deployment."
  value       = aws_kms_key.this.arn
}
