"""Objects that are written once: `If-None-Match: *`, and whose object it is.

boto3 repeats a request whose answer was lost, and meets its own object then: a token in
the object's metadata says whose it is (reported for the AWS SDK for Java, issue 6580).
"""

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambda_extract.landing.s3_errors import error_code, landing_error

TOKEN = "writer"
MISSING = ("NoSuchKey", "404")
# NoSuchUpload: of a multipart upload that is complete by now, whoever completed it.
EXISTS = ("PreconditionFailed", "412", "NoSuchUpload")
# S3 answers 409 if two conditional writes meet; asking again settles it.
CONFLICT = ("ConditionalRequestConflict", "409")
CONFLICT_ATTEMPTS = 5


def new_token() -> str:
    """Returns a text that no other writer has."""
    return uuid.uuid4().hex


def write_once(
    write: Callable[[], Any], s3: Any, target: dict[str, str], token: str, doing: str
) -> str | None:
    """Does a conditional write; returns the ETag, None if another writer did before.

    Args:
        write: PutObject or CompleteMultipartUpload with IfNoneMatch and the token.
        target: Bucket and Key.
        doing: For the error.

    Raises:
        LandingError: S3 refused or failed, or its conflicts do not end.
    """
    conflict: ClientError | None = None
    for _ in range(CONFLICT_ATTEMPTS):
        try:
            return _etag(write())
        except ClientError as error:
            code = error_code(error)
            if code in EXISTS:
                return _own(s3, target, token, doing)
            if code not in CONFLICT:
                raise landing_error(error, doing) from error
            conflict = error
        except BotoCoreError as error:
            raise landing_error(error, doing) from error
    assert conflict is not None
    raise landing_error(conflict, doing) from conflict


def _etag(answer: Any) -> str:
    return str((answer or {}).get("ETag", "")).strip('"')


def _own(s3: Any, target: dict[str, str], token: str, doing: str) -> str | None:
    """Returns the ETag of our own object; None if it is another writer's, or gone."""
    try:
        answer = s3.head_object(**target)
    except ClientError as error:
        if error_code(error) in MISSING:
            return None
        raise landing_error(error, doing) from error
    except BotoCoreError as error:
        raise landing_error(error, doing) from error
    return _etag(answer) if answer["Metadata"].get(TOKEN, "") == token else None
