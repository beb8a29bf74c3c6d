"""Objects of the landing prefix that the functions alone can write: each is signed.

The first line of each signs its name and the rest, by a key that the functions alone
have: what somebody else writes there is no claim, and no reply.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambda_extract.errors import JobError
from lambda_extract.landing import conditional
from lambda_extract.landing.s3_errors import error_code, landing_error
from lambda_extract.settings import Settings


class SignedObjects:
    """Texts in S3, by names below the landing prefix."""

    def __init__(self, s3: Any, settings: Settings) -> None:
        self._s3 = s3
        self._settings = settings

    def create(self, name: str, text: str) -> bool:
        """Creates an object; False if another writer did before.

        Raises:
            LandingError: S3 refused or failed, or its conflicts do not end.
        """
        target = self._target(name)
        token = conditional.new_token()

        def write() -> Any:
            return self._s3.put_object(
                **target,
                Body=self._signed(name, text),
                ContentType="text/plain",
                IfNoneMatch="*",
                Metadata={conditional.TOKEN: token},
            )

        written = conditional.write_once(
            write, self._s3, target, token, "writing a job object"
        )
        return written is not None

    def replace(self, name: str, text: str) -> None:
        """Writes an object that only one writer at a time has.

        Raises:
            LandingError: S3 refused or failed.
        """
        try:
            self._s3.put_object(
                **self._target(name),
                Body=self._signed(name, text),
                ContentType="text/plain",
            )
        except (ClientError, BotoCoreError) as error:
            raise landing_error(error, "writing a job object") from error

    def names(self, prefix: str, after: str = "") -> Iterator[str]:
        """Yields the names that begin with a prefix, in their order.

        Args:
            after: None before this name, and not this name, either.

        Raises:
            LandingError: S3 refused or failed.
        """
        place = {"StartAfter": self._key(after)} if after else {}
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._settings.landing_bucket, Prefix=self._key(prefix), **place
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"].removeprefix(self._settings.landing_prefix)
        except (ClientError, BotoCoreError) as error:
            raise landing_error(error, "listing job objects") from error

    def read(self, name: str) -> str | None:
        """Returns what the functions wrote; None if there is nothing.

        Raises:
            LandingError: S3 refused or failed.
            JobError: job_damaged, if it was written by somebody else.
        """
        answer = self._get(name)
        if answer is None:
            return None
        # Whoever decodes the text finds what is no UTF-8, and says whose it is.
        body = str(answer["Body"].read().decode("utf-8", "replace"))
        given, _, text = body.partition("\n")
        if not given.isascii() or not hmac.compare_digest(
            given, self._signature(name, text)
        ):
            raise JobError(
                "job_damaged",
                f"{name} has not the signature of the Lambda function.",
                hint="Find out who else writes to the landing bucket; after a new"
                " deployment of Terraform call once more.",
            )
        return text

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._settings.landing_bucket, "Key": self._key(name)}

    def _key(self, name: str) -> str:
        return self._settings.landing_prefix + name

    def _signed(self, name: str, text: str) -> bytes:
        return f"{self._signature(name, text)}\n{text}".encode()

    def _signature(self, name: str, text: str) -> str:
        key, signed = self._settings.signing_key, f"{self._key(name)}\n{text}"
        return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()

    def _get(self, name: str) -> Any:
        try:
            return self._s3.get_object(**self._target(name))
        except ClientError as error:
            if error_code(error) in conditional.MISSING:
                return None
            raise landing_error(error, "reading a job object") from error
        except BotoCoreError as error:
            raise landing_error(error, "reading a job object") from error
