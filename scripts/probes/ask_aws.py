"""Asks AWS: the deployed API, the landing bucket, the Lambda function's settings."""

import contextlib
import gzip
import json
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from scripts.probes.answers import (
    DIFFERENT,
    NOT_RUN,
    REFUSED,
    Outcome,
    Seen,
    judge_error,
    judge_rows,
    worst,
)
from scripts.probes.files import Ask, Probe

BATCH_ID = "sf-external-function-query-batch-id"
ANSWER_SECONDS = 60.0
POLL_SECONDS = 0.5
TOO_LARGE_BYTES = (10 << 20) + 1
WRITERS = 10
PART_BYTES = 5 << 20  # S3 takes no smaller part but the last

NEEDS_ROLE = "the API refuses this profile: use one that has Snowflake's role"

Rows = list[list[Any]]


class NotAsked(RuntimeError):
    """The question could not be put; the text says what it needs."""


@dataclass(frozen=True)
class Cloud:
    """What is asked.

    Attributes:
        session: boto3 session with the profile's credentials.
        bucket: Landing bucket.
        prefix: Prefix below which objects may be written; they are removed again.
        api_url: URL that the external function calls.
        function_name: The Lambda function; empty if it is not known.
    """

    session: Any
    bucket: str
    prefix: str
    api_url: str
    function_name: str = ""

    def client(self, service: str) -> Any:
        """A client of one service."""
        return self.session.client(service)

    def key(self, name: str) -> str:
        """An object of this run's own."""
        return f"{self.prefix}probes/{uuid.uuid4().hex}/{name}"


def run_probes(
    probes: list[Probe], cloud: Cloud, told: Callable[[Outcome], None], until: float
) -> None:
    """Runs probes one after the other.

    Args:
        probes: Of the half aws.
        cloud: What is asked.
        told: Receives each outcome.
        until: Moment of time.monotonic() after which no probe is begun.
    """
    for probe in probes:
        began = time.monotonic()
        if probe.by_hand or began > until:
            reason = "by hand" if probe.by_hand else "the time was up"
            told(Outcome(probe, NOT_RUN, reason))
            continue
        try:
            seen = [_ask(ask, cloud) for ask in probe.asks]
        except NotAsked as error:
            told(Outcome(probe, NOT_RUN, str(error)))
            continue
        text = "; ".join(s.text for s in seen)
        state = worst(s.state for s in seen)
        told(Outcome(probe, state, text, time.monotonic() - began))


def _ask(ask: Ask, cloud: Cloud) -> Seen:
    try:
        rows = CHECKS[ask.check](cloud)
    except ClientError as error:
        found = error.response.get("Error", {})
        return judge_error(ask, found.get("Code", "none"), str(error))
    except (BotoCoreError, OSError) as error:
        return Seen(f"{type(error).__name__}: {error}", REFUSED)
    if ask.error is not None:
        return Seen("accepted", DIFFERENT)
    return judge_rows(ask, rows)


# -- the API


def _call(
    cloud: Cloud,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    signed: bool = True,
) -> tuple[int, dict[str, str], bytes]:
    """Sends a request to the API; returns status, headers in lower case, and body."""
    request = AWSRequest(method, cloud.api_url, headers=dict(headers), data=body)
    if signed:
        credentials = cloud.session.get_credentials()
        if credentials is None:
            raise NotAsked("needs AWS credentials")
        region = cloud.session.region_name
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(
            request
        )
    prepared = request.prepare()
    sent = Request(
        prepared.url,
        data=prepared.body or None,
        headers=dict(prepared.headers.items()),
        method=method,
    )
    try:
        with urlopen(sent, timeout=ANSWER_SECONDS) as answer:
            status, found, data = answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            status, found, data = error.code, error.headers, error.read()
    return status, {k.lower(): v for k, v in found.items()}, data


def _health(cloud: Cloud, headers: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Asks for the health of a source that does not exist; returns the 200's parts."""
    request = {"version": 1, "op": "health", "run_id": "probe", "source": "probe"}
    rows = {"data": [[0, json.dumps(request)]]}
    body = json.dumps(rows).encode()
    if "gzip" in headers.get("Content-Encoding", ""):
        body = gzip.compress(body)
    always = {BATCH_ID: f"probe:{uuid.uuid4()}", "Content-Type": "application/json"}
    status, found, data = _call(cloud, "POST", body, {**always, **headers})
    deadline = time.monotonic() + ANSWER_SECONDS
    while status == 202 and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        status, found, data = _call(cloud, "GET", b"", always)
    if status == 403:
        raise NotAsked(NEEDS_ROLE)
    if status != 200:
        raise OSError(f"HTTP {status}")
    return found, data


def gzip_request(cloud: Cloud) -> Rows:
    """Sends a packed request; returns the row numbers of the reply."""
    _, data = _health(cloud, {"Content-Encoding": "gzip"})
    return [[row[0] for row in json.loads(data)["data"]]]


def plain_request(cloud: Cloud) -> Rows:
    """Sends a plain request; returns the row numbers of the reply."""
    _, data = _health(cloud, {})
    return [[row[0] for row in json.loads(data)["data"]]]


def content_md5(cloud: Cloud) -> Rows:
    """Tells whether a reply's Content-MD5 arrives under its own name."""
    headers, _ = _health(cloud, {})
    return [["content-md5" in headers]]


def stranger(cloud: Cloud) -> Rows:
    """Sends a request that nobody signed; returns the HTTP status."""
    status, _, _ = _call(cloud, "POST", b"{}", {BATCH_ID: "probe"}, signed=False)
    return [[status]]


def too_large(cloud: Cloud) -> Rows:
    """Sends more than 10 MB; tells whether the API refuses, unread or by a 413."""
    body = b" " * TOO_LARGE_BYTES
    try:
        status, _, _ = _call(cloud, "POST", body, {BATCH_ID: "probe"})
    except URLError as error:
        if not isinstance(error.reason, ConnectionError):
            raise
        return [["refused"]]
    if status == 403:
        raise NotAsked(NEEDS_ROLE)
    return [["refused" if status == 413 else status]]


def binary_media_types(cloud: Cloud) -> Rows:
    """Returns which media types the API treats as binary."""
    api = (urlsplit(cloud.api_url).hostname or "").split(".")[0]
    found = cloud.client("apigateway").get_rest_api(restApiId=api)
    return [[name] for name in sorted(found.get("binaryMediaTypes", []))]


# -- the landing bucket


@contextlib.contextmanager
def _object(cloud: Cloud, name: str) -> Any:
    """A key that is empty before and after."""
    s3, key = cloud.client("s3"), cloud.key(name)
    try:
        yield s3, key
    finally:
        s3.delete_object(Bucket=cloud.bucket, Key=key)


def _put_new(s3: Any, bucket: str, key: str) -> str:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", IfNoneMatch="*")
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code", ""))
    return "written"


def put_twice(cloud: Cloud) -> Rows:
    """Creates an object twice with If-None-Match: *."""
    with _object(cloud, "twice") as (s3, key):
        return [[_put_new(s3, cloud.bucket, key)] for _ in range(2)]


def put_at_once(cloud: Cloud) -> Rows:
    """Ten writers create one object; returns how many of them were told "written"."""
    with _object(cloud, "at_once") as (s3, key):
        with ThreadPoolExecutor(WRITERS) as pool:
            done = pool.map(lambda _: _put_new(s3, cloud.bucket, key), range(WRITERS))
            return [[list(done).count("written")]]


def multipart_over_existing(cloud: Cloud) -> Rows:
    """Completes a multipart upload with If-None-Match: * when the object exists."""
    with _object(cloud, "multipart") as (s3, key):
        place = {"Bucket": cloud.bucket, "Key": key}
        s3.put_object(**place, Body=b"x")
        upload = s3.create_multipart_upload(**place)["UploadId"]
        try:
            part = s3.upload_part(
                **place, UploadId=upload, PartNumber=1, Body=b"y" * PART_BYTES
            )
            s3.complete_multipart_upload(
                **place,
                UploadId=upload,
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
                IfNoneMatch="*",
            )
        except ClientError:
            s3.abort_multipart_upload(**place, UploadId=upload)
            raise
        return [["written"]]


def missing_object(cloud: Cloud) -> Rows:
    """Reads an object that is not there."""
    cloud.client("s3").get_object(Bucket=cloud.bucket, Key=cloud.key("missing"))
    return [["found"]]


def encryption(cloud: Cloud) -> Rows:
    """Returns how an object of the landing bucket is encrypted without being told."""
    with _object(cloud, "encrypted") as (s3, key):
        s3.put_object(Bucket=cloud.bucket, Key=key, Body=b"x")
        found = s3.head_object(Bucket=cloud.bucket, Key=key)
        return [
            [found.get("ServerSideEncryption"), found.get("BucketKeyEnabled", False)]
        ]


# -- the function


def event_settings(cloud: Cloud) -> Rows:
    """Returns how often Lambda repeats an event that failed."""
    found = cloud.client("lambda").get_function_event_invoke_config(
        FunctionName=_function(cloud)
    )
    return [[found["MaximumRetryAttempts"]]]


def recursion(cloud: Cloud) -> Rows:
    """Returns what Lambda does with a function that invokes itself."""
    found = cloud.client("lambda").get_function_recursion_config(
        FunctionName=_function(cloud)
    )
    return [[found["RecursiveLoop"]]]


def _function(cloud: Cloud) -> str:
    if not cloud.function_name:
        raise NotAsked("needs function_name of the Terraform outputs")
    return cloud.function_name


CHECKS: dict[str, Callable[[Cloud], Rows]] = {
    check.__name__: check
    for check in (
        binary_media_types,
        content_md5,
        encryption,
        event_settings,
        gzip_request,
        missing_object,
        multipart_over_existing,
        plain_request,
        put_at_once,
        put_twice,
        recursion,
        stranger,
        too_large,
    )
}
