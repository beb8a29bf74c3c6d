"""Requests to the Lambda function: built, sent, and followed."""
