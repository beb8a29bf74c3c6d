"""Job objects that no worker has written, and answers that got lost (A15, S8)."""

import dataclasses
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambda_extract import contract
from lambda_extract.errors import ExtractError
from lambda_extract.protocol import envelope
from lambda_extract.protocol.jobs import Jobs, job_key
from lambda_extract.settings import Settings
from tests.unit.lambda_extract.simulated_s3 import client_of

SETTINGS = Settings(
    sources={},
    landing_bucket="landing",
    landing_prefix="p/",
    function_name="f",
    signing_key="s" * 32,
    worker_timeout_seconds=300,
    start_seconds=240,
    grace_seconds=10,
)
REQUEST = contract.HealthRequest("r1", "shop")
JOB = job_key("batch 1")


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = client_of("us-east-1")
        client.create_bucket(Bucket="landing")
        yield client


class Unreliable:
    """S3 of which the first answer to a write is lost, after the write was done."""

    def __init__(self, s3: Any, error: ClientError | None = None) -> None:
        self.s3 = s3
        self.error = error
        self.first = True

    def put_object(self, **given: Any) -> Any:
        if self.error is not None:
            raise self.error
        if self.first:
            self.first = False
            self.s3.put_object(**given)
        return self.s3.put_object(**given)  # boto3 repeats what was not answered

    def __getattr__(self, name: str) -> Any:
        return getattr(self.s3, name)


def jobs_of(s3: Any) -> Jobs:
    return Jobs(s3=s3, settings=SETTINGS, clock=lambda: 1000.0)


def test_a15_a_repeated_write_that_meets_its_own_object_has_won(s3: Any) -> None:
    assert jobs_of(Unreliable(s3)).claim(JOB, 0, REQUEST)
    assert not jobs_of(s3).claim(JOB, 0, REQUEST)


def test_a15_a_repeated_write_that_meets_another_ones_object_has_lost(s3: Any) -> None:
    assert jobs_of(s3).claim(JOB, 0, REQUEST)
    unreliable = Unreliable(s3)
    unreliable.first = False
    assert not jobs_of(unreliable).claim(JOB, 0, REQUEST)


def test_a15_conflicts_that_do_not_end_are_no_claim_of_another(s3: Any) -> None:
    detail = {"Error": {"Code": "ConditionalRequestConflict", "Message": "m"}}
    conflict = ClientError(detail, "PutObject")
    with pytest.raises(ExtractError) as raised:
        jobs_of(Unreliable(s3, conflict)).claim(JOB, 0, REQUEST)
    assert raised.value.code == "landing_failed"
    assert raised.value.retryable


def plant(s3: Any, name: str, body: bytes, *, signed: bool = True) -> None:
    """Writes a job object; with the functions' own signature unless it is forged."""
    name = f"{JOB}/{name}.json"
    text = body.decode("utf-8", "replace")
    signature = jobs_of(s3).objects._signature(name, text) if signed else "0" * 64
    s3.put_object(
        Bucket="landing", Key=f"p/{name}", Body=f"{signature}\n".encode() + body
    )


DAMAGED = ["", "{", "[]", "null", "7", '{"row": 0}', "[" * 2000, "\x00", "{}", '"x"']


@pytest.mark.parametrize("text", [*DAMAGED, "\xff"])
@pytest.mark.parametrize("name", ["claim", "reply"])
def test_s8_a_damaged_object_is_an_error_of_ours(s3: Any, name: str, text: str) -> None:
    plant(s3, name, text.encode("latin-1"))
    with pytest.raises(ExtractError) as raised:
        jobs_of(s3).reply(JOB)
    assert raised.value.code == "job_damaged"
    assert not raised.value.retryable


@pytest.mark.parametrize("row", [True, "0", None, 0.5])
def test_s8_a_reply_of_a_row_that_is_no_number_is_an_error_of_ours(
    s3: Any, row: object
) -> None:
    reply = contract.to_object(contract.HealthReply("r1", "18.4", 0.1, 0.1, 0.1))
    plant(s3, "reply", json.dumps({"row": row, "reply": reply}).encode())
    with pytest.raises(ExtractError) as raised:
        jobs_of(s3).reply(JOB)
    assert raised.value.code == "job_damaged"


GOOD_CLAIM: dict[str, Any] = {
    "row": 0,
    "run_id": "r1",
    "op": "health",
    "table": "",
    "request": "{}",
    "claimed_at": 1000.0,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"row": "0"},
        {"row": True},
        {"run_id": 7},
        {"table": {}},
        {"request": None},
        {"claimed_at": "now"},
        {"claimed_at": None},
        {"claimed_at": float("inf")},
        {"claimed_at": float("nan")},
        {"more": 1},
    ],
    ids=str,
)
def test_s8_a_claim_of_other_types_is_an_error_of_ours(
    s3: Any, wrong: dict[str, Any]
) -> None:
    """A text for a time was a TypeError in each GET: HTTP 502, which is repeated."""
    plant(s3, "claim", json.dumps(GOOD_CLAIM | wrong).encode())
    with pytest.raises(ExtractError) as raised:
        jobs_of(s3).reply(JOB)
    assert raised.value.code == "job_damaged"


@pytest.mark.parametrize(
    "text", [*DAMAGED, '{"started_at": "1"}', '{"started_at": 1e999}']
)
def test_s8_a_damaged_start_mark_is_an_error_of_ours(s3: Any, text: str) -> None:
    for name, body in (("claim", json.dumps(GOOD_CLAIM)), ("started", text)):
        plant(s3, name, body.encode())
    late = Jobs(s3=s3, settings=SETTINGS, clock=lambda: 5000.0)
    with pytest.raises(ExtractError) as raised:
        late.reply(JOB)
    assert raised.value.code == "job_damaged"


def test_s8_a_body_of_many_rows_is_refused_before_anything_else() -> None:
    rows = json.dumps({"data": [[i, "x"] for i in range(1_001)]})
    headers = {envelope.BATCH_ID_HEADER: "b"}
    with pytest.raises(envelope.EnvelopeError, match="1000 rows"):
        envelope.parse({"httpMethod": "POST", "headers": headers, "body": rows})


# --- S3: job objects of somebody else -------------------------------------------------


def signature_missing(raised: pytest.ExceptionInfo[ExtractError]) -> bool:
    return raised.value.code == "job_damaged" and "signature" in str(raised.value)


def test_s3_a_forged_claim_makes_no_worker_work(s3: Any) -> None:
    plant(s3, "claim", json.dumps(GOOD_CLAIM).encode())
    assert jobs_of(s3).read_claim(JOB) is not None
    plant(s3, "claim", json.dumps(GOOD_CLAIM).encode(), signed=False)
    with pytest.raises(ExtractError) as raised:
        jobs_of(s3).read_claim(JOB)
    assert signature_missing(raised)


def test_s3_a_forged_reply_is_not_passed_on(s3: Any) -> None:
    jobs = jobs_of(s3)
    assert jobs.finish(JOB, 0, contract.HealthReply("r1", "", 0, 0, 0))
    known = s3.get_object(Bucket="landing", Key=f"p/{JOB}/reply.json")["Body"].read()
    assert jobs.reply(JOB) is not None
    signature, _, text = known.partition(b"\n")
    other = f"p/{job_key('batch 2')}/reply.json"
    for key, body in (
        # Another text, with the signature of the first one.
        (f"p/{JOB}/reply.json", signature + b"\n" + text.replace(b"r1", b"r2")),
        # The same text and signature as the reply of another job.
        (other, known),
        (other, text),
        (other, b"\n" + text),
        (other, "ä\n".encode() + text),
        (other, b""),
    ):
        s3.put_object(Bucket="landing", Key=key, Body=body)
        with pytest.raises(ExtractError) as raised:
            jobs.reply(key.removeprefix("p/").removesuffix("/reply.json"))
        assert signature_missing(raised)


def test_s3_a_signature_of_another_key_is_none(s3: Any) -> None:
    other = dataclasses.replace(SETTINGS, signing_key="k" * 32)
    forger = Jobs(s3=s3, settings=other, clock=lambda: 1000.0)
    assert forger.claim(JOB, 0, REQUEST)
    with pytest.raises(ExtractError) as raised:
        jobs_of(s3).read_claim(JOB)
    assert signature_missing(raised)


def test_s3_an_object_is_signed_by_the_key_with_its_whole_name(s3: Any) -> None:
    """RFC 2104, with the secret as its key: as another release has signed, too."""
    place = f"p/{JOB}/reply.json"
    reply = contract.HealthReply("r1", "18.4", 0.1, 0.1, 0.1)
    assert jobs_of(s3).finish(JOB, 0, reply)
    body = s3.get_object(Bucket="landing", Key=place)["Body"].read()
    signature, _, text = body.partition(b"\n")
    signed = f"{place}\n".encode() + text
    assert signature.decode() == hmac.new(b"s" * 32, signed, "sha256").hexdigest()
