"""AWS on one machine: S3 and its notifications, API Gateway, Lambda."""
