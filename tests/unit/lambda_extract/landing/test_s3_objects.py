"""S3's errors while an object is written once, or read: what each of them means."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from lambda_extract.errors import LandingError
from lambda_extract.landing import conditional
from lambda_extract.landing.conditional import CONFLICT_ATTEMPTS, write_once
from lambda_extract.landing.stores import PART_BYTES, S3Store
from lambda_extract.protocol.objects import SignedObjects
from tests.unit.lambda_extract.protocol.test_jobs import SETTINGS

TARGET = {"Bucket": "landing", "Key": "jobs/1"}
UNREACHED = EndpointConnectionError(endpoint_url="https://s3")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject")


class S3:
    """Answers a HEAD or a GET with metadata or a body, or raises."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, str]] = []

    def _answer(self, **target: str) -> Any:
        self.asked.append(target)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    head_object = get_object = put_object = _answer


class Write:
    """A conditional write that fails so and so often."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> dict[str, str]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"ETag": '"of the write"'}


def written(write: Write, head: Any = None) -> str | None:
    return write_once(write, S3(head), TARGET, "mine", "claiming a job")


def failed(write: Write, head: Any = None) -> LandingError:
    with pytest.raises(LandingError) as caught:
        written(write, head)
    assert "claiming a job" in caught.value.message
    return caught.value


def test_a_write_that_nobody_did_before_is_ours() -> None:
    write = Write()
    assert written(write) == "of the write" and write.calls == 1


@pytest.mark.parametrize("code", conditional.EXISTS)
@pytest.mark.parametrize(
    ("head", "ours"),
    [
        ({"Metadata": {"writer": "mine"}, "ETag": '"e"'}, "e"),
        ({"Metadata": {"writer": "another"}, "ETag": '"e"'}, None),
        # Of no writer that we know; or gone again meanwhile.
        ({"Metadata": {}, "ETag": '"e"'}, None),
        (refused("404"), None),
        (refused("NoSuchKey"), None),
    ],
)
def test_an_object_that_is_there_says_whose_it_is(
    code: str, head: Any, ours: str | None
) -> None:
    assert written(Write(refused(code)), head) == ours


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused("AccessDenied"), "landing_denied"),
        (refused("SlowDown"), "landing_failed"),
        (UNREACHED, "landing_failed"),
    ],
)
def test_whose_an_object_is_may_be_refused_or_fail(error: Exception, code: str) -> None:
    assert failed(Write(refused("412")), error).code == code


def test_writes_that_meet_are_done_again() -> None:
    write = Write(*[refused("409")] * (CONFLICT_ATTEMPTS - 1))
    assert written(write) == "of the write" and write.calls == CONFLICT_ATTEMPTS


def test_conflicts_that_do_not_end_are_a_failure() -> None:
    write = Write(*[refused("ConditionalRequestConflict")] * 99)
    error = failed(write)
    assert (error.code, error.retryable) == ("landing_failed", True)
    assert "ConditionalRequestConflict" in error.message
    # Each takes its time, and a POST has 29 s.
    assert write.calls == CONFLICT_ATTEMPTS == 5


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (refused("AccessDenied"), "landing_denied", "AccessDenied"),
        (refused("NoSuchBucket"), "landing_denied", "bucket does not exist"),
        (refused("InternalError"), "landing_failed", "InternalError"),
        (UNREACHED, "landing_failed", "not reached"),
    ],
)
def test_a_write_that_fails_is_done_once(
    error: Exception, code: str, told: str
) -> None:
    write = Write(error)
    found = failed(write)
    assert (found.code, write.calls) == (code, 1)
    assert told in found.message
    assert found.retryable is (code == "landing_failed")


# --- in parts -------------------------------------------------------------------------


class Multipart:
    """S3 of multipart uploads: what it was asked for, in order of the answers."""

    def __init__(self, *, waits: bool = False) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.waits = waits
        self.started, self.aborted = threading.Event(), threading.Event()

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        return {"UploadId": "u"}

    def upload_part(self, *, PartNumber: int, Body: bytes, **_: Any) -> dict[str, str]:
        self.started.set()
        if self.waits:
            # Still on its way: an abort that does not wait for it comes first.
            self.aborted.wait(0.1)
        self.asked.append(("part", (PartNumber, len(Body))))
        return {"ETag": f'"{PartNumber}"'}

    def complete_multipart_upload(
        self, *, MultipartUpload: dict[str, Any], **_: Any
    ) -> dict[str, str]:
        self.asked.append(("complete", MultipartUpload["Parts"]))
        return {"ETag": '"of all parts-1"'}

    def abort_multipart_upload(self, **_: Any) -> None:
        self.asked.append(("abort", None))
        self.aborted.set()


def test_a_file_that_ends_with_a_part_has_no_empty_part_behind_it() -> None:
    s3 = Multipart()
    upload = S3Store(s3, bucket="landing", prefix="p/").open("a")
    upload.write(bytes(PART_BYTES))
    upload.complete()
    assert s3.asked == [
        ("part", (1, PART_BYTES)),
        ("complete", [{"PartNumber": 1, "ETag": '"1"'}]),
    ]


def test_a_file_in_parts_is_called_what_s3_calls_it() -> None:
    """The loader compares it with what lies there, and nothing if it is missing."""
    upload = S3Store(Multipart(), bucket="landing", prefix="p/").open("a")
    upload.write(bytes(PART_BYTES + 1))
    assert upload.complete() == "of all parts-1"


def test_an_upload_is_aborted_when_no_part_is_on_its_way_any_more() -> None:
    """S3 may keep, and charge for, a part that arrives behind the abort."""
    s3 = Multipart(waits=True)
    upload = S3Store(s3, bucket="landing", prefix="p/").open("a")
    upload.write(bytes(PART_BYTES))
    assert s3.started.wait(10)
    upload.abort()
    assert s3.asked == [("part", (1, PART_BYTES)), ("abort", None)]


# --- reading --------------------------------------------------------------------------


def store(answer: Any) -> S3Store:
    return S3Store(S3(answer), bucket="landing", prefix="p/")


def test_a_file_is_read_below_the_prefix() -> None:
    found = store({"Body": io.BytesIO(b"text")})
    assert found.read("a/b") == b"text"
    assert found._s3.asked == [{"Bucket": "landing", "Key": "p/a/b"}]


@pytest.mark.parametrize("code", ["NoSuchKey", "404"])
def test_a_file_that_is_not_there_is_none(code: str) -> None:
    assert store(refused(code)).read("a") is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused("AccessDenied"), "landing_denied"),
        (refused("SlowDown"), "landing_failed"),
        (UNREACHED, "landing_failed"),
        (BotoCoreError(), "landing_failed"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(error: Exception, code: str) -> None:
    with pytest.raises(LandingError) as caught:
        store(error).read("a")
    assert caught.value.code == code and "reading a file" in caught.value.message


@pytest.mark.parametrize("error", [refused("SlowDown"), UNREACHED])
def test_an_object_that_cannot_be_replaced_is_an_error(error: Exception) -> None:
    objects = SignedObjects(S3(error), SETTINGS)
    with pytest.raises(LandingError) as caught:
        objects.replace("jobs/1/beats/00.json", "{}")
    assert caught.value.code == "landing_failed"
    assert "writing a job object" in caught.value.message


@pytest.mark.parametrize(
    ("error", "code"),
    [(refused("AccessDenied"), "landing_denied"), (UNREACHED, "landing_failed")],
)
def test_a_listing_that_fails_is_not_an_empty_one(error: Exception, code: str) -> None:
    class Pages:
        """The first page comes; the next one does not."""

        def get_paginator(self, _: str) -> "Pages":
            return self

        def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
            yield {"Contents": [{"Key": "jobs/1"}]}
            raise error

    names = SignedObjects(Pages(), SETTINGS).names("jobs/")
    assert next(names).endswith("jobs/1")
    with pytest.raises(LandingError, match="listing job objects") as caught:
        next(names)
    assert caught.value.code == code
