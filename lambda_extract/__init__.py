"""The extraction side: runs in AWS Lambda, reads Aurora PostgreSQL, writes S3."""
