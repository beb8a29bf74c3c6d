"""What an error of S3 means: its code, and the error that is reported to a caller."""

from botocore.exceptions import BotoCoreError, ClientError

from lambda_extract.errors import LandingError

DENIED = ("AccessDenied", "403", "KMS.AccessDeniedException", "AllAccessDisabled")


def error_code(error: ClientError) -> str:
    """Returns S3's own name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def landing_error(error: ClientError | BotoCoreError, doing: str) -> LandingError:
    """Turns boto3's errors into ours: a refusal (not retryable) or a failure."""
    if not isinstance(error, ClientError):
        return LandingError(
            "landing_failed",
            f"S3 was not reached while {doing}: {type(error).__name__}.",
        )
    name = error_code(error)
    if name in DENIED:
        return LandingError(
            "landing_denied",
            f"S3 refused {doing} ({name}).",
            hint="Give the Lambda role s3:PutObject, s3:GetObject, s3:DeleteObject and"
            " s3:AbortMultipartUpload on the landing prefix, s3:ListBucket on the"
            " bucket (without it a missing object reads as a refusal), and the use of"
            " its KMS key.",
        )
    if name == "NoSuchBucket":
        return LandingError(
            "landing_denied",
            f"The landing bucket does not exist (while {doing}).",
            hint="Correct LANDING_BUCKET in the Lambda function's settings.",
        )
    return LandingError("landing_failed", f"S3 failed while {doing} ({name}).")
