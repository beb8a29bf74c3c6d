variables {
  name       = "aurora-sync"
  account_id = "123456789012"
  region     = "eu-west-1"
}

run "landing" {
  command = apply
  module {
    source = "./modules/storage"
  }
  variables {
    landing_prefix = "landing/"
    retention_days = 7
    pipes          = false

    log_retention_days = 365
    writer_role_arns   = ["arn:aws:iam::123456789012:role/aurora-sync-worker"]
  }

  assert {
    condition     = !strcontains(aws_kms_key.this.policy, "events.amazonaws.com")
    error_message = "EventBridge uses the key without pipes"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.landing.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "the bucket answers without TLS"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.landing.policy).Statement : (
        statement.Effect == "Deny"
        && contains(flatten([statement.Action]), "s3:PutObject")
        && endswith(flatten([statement.Resource])[0], "/landing/*")
        && try(flatten([statement.Condition.ArnNotEquals["aws:PrincipalArn"]]), []) == ["arn:aws:iam::123456789012:role/aurora-sync-worker"]
      )
    ])
    error_message = "somebody else can write what is believed"
  }
  assert {
    condition = one([
      for statement in jsondecode(aws_s3_bucket_policy.landing.policy).Statement : (
        statement.Effect == "Deny"
        && statement.Principal == "*"
        && one(flatten([statement.Action])) == "s3:PutObject"
        && sort(statement.Resource) == sort([for folder in ["changes", "data", "pipe"] : "${aws_s3_bucket.landing.arn}/landing/${folder}/*"])
        && jsonencode(statement.Condition) == jsonencode({ Bool = { "s3:ObjectCreationOperation" = "true" }, Null = { "s3:if-none-match" = "true" } })
      ) if try(statement.Sid, "") == "WrittenOnce"
    ])
    error_message = "a file of rows can be written a second time"
  }
  assert {
    condition = (
      aws_s3_bucket_public_access_block.landing.block_public_acls
      && aws_s3_bucket_public_access_block.landing.block_public_policy
      && aws_s3_bucket_public_access_block.landing.ignore_public_acls
      && aws_s3_bucket_public_access_block.landing.restrict_public_buckets
    )
    error_message = "the bucket can be made public"
  }
  assert {
    condition = alltrue([
      for bucket in [aws_s3_bucket_public_access_block.logs] :
      bucket.block_public_acls && bucket.block_public_policy && bucket.ignore_public_acls && bucket.restrict_public_buckets
    ])
    error_message = "the bucket of the access logs can be made public"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.logs.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "the bucket of the access logs answers without TLS"
  }
  assert {
    condition = alltrue([
      for document in [aws_s3_bucket_policy.landing.policy, aws_s3_bucket_policy.logs.policy] : alltrue([
        for statement in jsondecode(document).Statement :
        statement.Effect == "Deny" || try(statement.Principal.Service, "") == "logging.s3.amazonaws.com"
      ])
    ])
    error_message = "a bucket policy allows somebody something"
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.landing.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this.arn
    error_message = "landing objects are not encrypted with our key"
  }
  assert {
    condition     = aws_s3_bucket_logging.landing.target_bucket == aws_s3_bucket.logs.id
    error_message = "nobody notes who reads the landing bucket"
  }
  # A6: Encrypt*, Decrypt*, ReEncrypt*, GenerateDataKey*, Describe*.
  assert {
    condition = one([
      for statement in jsondecode(aws_kms_key.this.policy).Statement : alltrue([
        for action in ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey"] :
        contains(statement.Action, "kms:${action}")
      ]) if statement.Sid == "Logs"
    ])
    error_message = "A6: CloudWatch Logs may not do all that it asks for"
  }
  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "the key is never rotated"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.this.policy).Statement : (
        try(statement.Principal.AWS, "") == "arn:aws:iam::123456789012:root"
        || length(try(statement.Condition, {})) > 0
      )
    ])
    error_message = "a service of another account may use the key"
  }
}
