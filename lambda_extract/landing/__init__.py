"""Files in the landing place: written, named, and told apart from errors of S3."""
