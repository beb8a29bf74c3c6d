output "topic_arn" {
  description = "Topic that the pipes subscribe to; known once it may be subscribed to."
  value       = aws_sns_topic_policy.pipe.arn
}
