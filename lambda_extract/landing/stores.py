"""Where finished files go: S3, or a folder."""

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambda_extract.errors import LandingError
from lambda_extract.landing import conditional
from lambda_extract.landing.s3_errors import error_code, landing_error

# S3 wants parts of at least 5 MiB; 10,000 of 8 MiB are 80 GB, far above file_bytes.
PART_BYTES = 8 << 20


UPLOADS_IN_FLIGHT = 2


class Upload(Protocol):
    """One file being written."""

    def write(self, data: bytes) -> None:
        """Takes compressed bytes."""

    def complete(self) -> str:
        """Makes the file exist, whole; returns what S3 calls it, or nothing.

        Raises:
            LandingError: It could not be written, or somebody has written it before.
        """

    def abort(self) -> None:
        """Leaves nothing behind."""


class Store(Protocol):
    """Where files go."""

    def open(self, path: str) -> Upload:
        """Begins a file at a path relative to the store."""

    def delete(self, path: str) -> None:
        """Removes a completed file."""

    def read(self, path: str) -> bytes | None:
        """Returns a completed file; None if there is none."""


class FolderStore:
    """Files below a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str) -> Upload:
        """Begins a file."""
        return _FolderUpload(self._folder / path)

    def delete(self, path: str) -> None:
        """Removes a file."""
        (self._folder / path).unlink(missing_ok=True)

    def read(self, path: str) -> bytes | None:
        """Returns a file."""
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None


class _FolderUpload:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("wb")

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def complete(self) -> str:
        self._file.close()
        return ""

    def abort(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class S3Store:
    """Objects below the landing prefix."""

    def __init__(self, s3: Any, *, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def open(self, path: str) -> Upload:
        """Begins an object; S3 is asked for nothing yet."""
        return _S3Upload(self._s3, bucket=self._bucket, key=self._prefix + path)

    def delete(self, path: str) -> None:
        """Removes an object. Not being able to is no failure: a lifecycle rule will."""
        with contextlib.suppress(ClientError, BotoCoreError):
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + path)

    def read(self, path: str) -> bytes | None:
        """Returns an object.

        Raises:
            LandingError: landing_denied, landing_failed.
        """
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + path)
            body: bytes = found["Body"].read()
            return body
        except (ClientError, BotoCoreError) as error:
            missing = isinstance(error, ClientError) and error_code(error)
            if missing in ("NoSuchKey", "404"):
                return None
            raise landing_error(error, "reading a file") from error


class _S3Upload:
    """One object: a single PutObject if it is small, else a multipart upload.

    Parts are sent by threads beside the COPY, two at a time; a third makes the COPY
    wait.
    """

    def __init__(self, s3: Any, *, bucket: str, key: str) -> None:
        self._s3 = s3
        self._target = {"Bucket": bucket, "Key": key}
        self._token = conditional.new_token()
        self._buffer = bytearray()
        self._upload_id = ""
        self._parts: list[Future[dict[str, Any]]] = []
        self._pool: ThreadPoolExecutor | None = None

    def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= PART_BYTES:
            self._send_part()

    def complete(self) -> str:
        if not self._upload_id:
            return self._once(
                "put_object",
                "writing a file",
                Body=bytes(self._buffer),
                Metadata={conditional.TOKEN: self._token},
            )
        if self._buffer:
            self._send_part()
        parts = [part.result() for part in self._parts]
        etag = self._once(
            "complete_multipart_upload",
            "completing a file",
            UploadId=self._upload_id,
            MultipartUpload={"Parts": parts},
        )
        self._close_pool()
        return etag

    def _once(self, name: str, doing: str, **options: Any) -> str:
        """Writes the object unless there is one: nothing is ever overwritten."""

        def write() -> Any:
            return getattr(self._s3, name)(**self._target, **options, IfNoneMatch="*")

        etag = conditional.write_once(write, self._s3, self._target, self._token, doing)
        if etag is None:
            raise LandingError(
                "landing_failed", f"Another object was there before, {doing}."
            )
        return etag

    def abort(self) -> None:
        self._close_pool()
        if self._upload_id:
            # The failure that led here is the one to report.
            with contextlib.suppress(ClientError, BotoCoreError):
                self._s3.abort_multipart_upload(
                    **self._target, UploadId=self._upload_id
                )

    def _send_part(self) -> None:
        if self._pool is None:
            answer = self._call(
                "create_multipart_upload",
                "beginning a file",
                Metadata={conditional.TOKEN: self._token},
            )
            self._upload_id = answer["UploadId"]
            self._pool = ThreadPoolExecutor(UPLOADS_IN_FLIGHT)
        if len(self._parts) >= UPLOADS_IN_FLIGHT:
            self._parts[-UPLOADS_IN_FLIGHT].result()
        body, self._buffer = bytes(self._buffer), bytearray()
        number = len(self._parts) + 1
        self._parts.append(self._pool.submit(self._upload_part, number, body))

    def _upload_part(self, number: int, body: bytes) -> dict[str, Any]:
        answer = self._call(
            "upload_part",
            "writing a part of a file",
            UploadId=self._upload_id,
            PartNumber=number,
            Body=body,
        )
        checksums = {k: v for k, v in answer.items() if k.startswith("Checksum")}
        checksums.pop("ChecksumType", None)
        return {"PartNumber": number, "ETag": answer["ETag"]} | checksums

    def _call(self, name: str, doing: str, **options: Any) -> Any:
        try:
            return getattr(self._s3, name)(**self._target, **options)
        except (ClientError, BotoCoreError) as error:
            raise landing_error(error, doing) from error

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
