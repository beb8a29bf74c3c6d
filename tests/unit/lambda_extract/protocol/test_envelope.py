"""Snowflake's format inside API Gateway's events."""

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.protocol import envelope
from lambda_extract.protocol.envelope import EnvelopeError

HEADERS = {"SF-External-Function-Query-Batch-Id": "b1"}


def event(body: Any = None, method: str = "POST", **fields: Any) -> dict[str, Any]:
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    return {"httpMethod": method, "headers": HEADERS, "body": body} | fields


def test_a_post_keeps_its_row_numbers() -> None:
    call = envelope.parse(event({"data": [[7, "x"], [9, None]]}))
    assert call == envelope.Call("POST", "b1", False, ((7, "x"), (9, None)))


def test_headers_are_compared_without_case_and_may_come_in_lists() -> None:
    fields = {
        "headers": None,
        "multiValueHeaders": {
            "sf-external-function-QUERY-batch-id": ["b2"],
            "ACCEPT-encoding": ["br", "gzip"],
        },
    }
    call = envelope.parse(event(method="get") | fields)
    assert call == envelope.Call("GET", "b2", True)


def test_a_body_that_was_unpacked_on_the_way_still_has_the_header() -> None:
    """A1: API Gateway unpacks, leaves Content-Encoding, and may or may not encode."""
    headers = HEADERS | {"Content-Encoding": "gzip"}
    text = json.dumps({"data": [[0, "ü"]]})
    for body, flag in ((text, False), (base64.b64encode(text.encode()).decode(), True)):
        given = event(body, isBase64Encoded=flag, headers=headers)
        assert envelope.parse(given).rows == ((0, "ü"),)


@pytest.mark.parametrize("with_header", [True, False])
def test_packed_bodies_are_unpacked(with_header: bool) -> None:
    packed = gzip.compress(json.dumps({"data": [[0, "ü"]]}).encode())
    headers = HEADERS | ({"Content-Encoding": "gzip"} if with_header else {})
    call = envelope.parse(
        event(base64.b64encode(packed).decode(), isBase64Encoded=True, headers=headers)
    )
    assert call.rows == ((0, "ü"),)


BOMB = base64.b64encode(gzip.compress(b" " * (envelope.MAX_BODY_BYTES + 1))).decode()


@pytest.mark.parametrize(
    "broken",
    [
        event({"data": [[0, "x"]]}, method="PUT"),
        event({"data": [[0, "x"]]}, headers={}),
        event({"data": [[0, "x"]]}, headers={envelope.BATCH_ID_HEADER: "x" * 999}),
        event(method="GET", headers={envelope.BATCH_ID_HEADER: "\ud800"}),
        event(method="GET", headers={envelope.BATCH_ID_HEADER: "a\nb"}),
        event(None),
        event("{"),
        event("[" * 100_000),
        event({"data": []}),
        event({"data": {}}),
        event({"data": [["0", "x"]]}),
        event({"data": [[True, "x"]]}),
        event({"data": [[0]]}),
        event({"data": [[0, 1, 2]]}),
        event("\ud800"),
        event("%%%", isBase64Encoded=True),
        event(BOMB, isBase64Encoded=True),
        event(base64.b64encode(b"\x1f\x8bxx").decode(), isBase64Encoded=True),
        event(
            base64.b64encode(gzip.compress(b"{}")[:-4]).decode(), isBase64Encoded=True
        ),
    ],
)
def test_what_is_not_snowflakes_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(envelope.EnvelopeError):
        envelope.parse(broken)


@pytest.mark.parametrize(
    "rows", [1, pytest.param(envelope.MAX_ROWS, marks=pytest.mark.large)]
)
def test_a_body_may_have_as_many_rows_as_are_allowed(rows: int) -> None:
    call = envelope.parse(event({"data": [[i, "x"] for i in range(rows)]}))
    assert len(call.rows) == rows
    with pytest.raises(EnvelopeError):
        envelope.parse(event({"data": [[i, "x"] for i in range(rows * 1000 + 1)]}))


def test_a_body_has_a_thousand_rows_and_not_one_more() -> None:
    rows = [[number, "x"] for number in range(1_001)]
    call = envelope.parse(event({"data": rows[:1_000]}))
    assert call.rows == tuple((number, "x") for number in range(1_000))
    with pytest.raises(EnvelopeError, match="more than 1000 rows"):
        envelope.parse(event({"data": rows}))


def test_a_packed_body_may_be_as_long_as_an_unpacked_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = json.dumps({"data": [[0, "x" * 50]]}).encode()
    packed = event(base64.b64encode(gzip.compress(body)).decode(), isBase64Encoded=True)
    monkeypatch.setattr(envelope, "MAX_BODY_BYTES", len(body))
    assert envelope.parse(packed).rows == ((0, "x" * 50),)
    assert envelope.parse(event(body.decode())).rows == ((0, "x" * 50),)
    monkeypatch.setattr(envelope, "MAX_BODY_BYTES", len(body) - 1)
    for given in (packed, event(body.decode())):
        with pytest.raises(EnvelopeError, match="larger than"):
            envelope.parse(given)


def large_reply() -> contract.Reply:
    return contract.ErrorReply(
        "r1", contract.ErrorDetail("source_error", "x" * 100_000, True, "")
    )


def test_an_answer_carries_its_digest() -> None:
    answer = envelope.answer(((3, large_reply()),))
    body = answer["body"].encode()
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    assert answer["headers"]["Content-MD5"] == base64.b64encode(digest).decode()
    assert json.loads(body)["data"][0][0] == 3
    assert not answer["isBase64Encoded"]


def test_an_answer_is_packed_only_when_asked_for() -> None:
    answer = envelope.answer(((0, large_reply()),), accepts_gzip=True)
    assert answer["headers"]["Content-Encoding"] == "gzip"
    # A2: Snowflake's example digests the JSON text, RFC 1864 what travels.
    assert "Content-MD5" not in answer["headers"]
    body = json.loads(gzip.decompress(base64.b64decode(answer["body"])))
    assert contract.decode_reply(body["data"][0][1]) == large_reply()


def test_a2_an_answer_that_lambda_cannot_give_is_an_error() -> None:
    """HTTP 502 otherwise, which Snowflake repeats until it gives up."""
    digests = tuple(
        contract.RowDigest(hashlib.md5(b"%d" % i).hexdigest(), "r" * 32)
        for i in range(50_000)
    )
    reply = contract.DigestReply("r1", (), digests=digests, beyond=("b" * 16,) * 20_000)
    ((row, value),) = json.loads(envelope.answer(((3, reply),))["body"])["data"]
    error = contract.decode_reply(value)
    assert isinstance(error, contract.ErrorReply)
    assert (row, error.run_id, error.op) == (3, "r1", "digest")
    assert (error.error.code, error.error.retryable) == ("reply_too_large", False)
    packed = envelope.answer(((3, reply),), accepts_gzip=True)
    assert packed["isBase64Encoded"]
    assert len(json.dumps(packed)) < envelope.MAX_ANSWER_BYTES
    body = json.loads(gzip.decompress(base64.b64decode(packed["body"])))
    assert contract.decode_reply(body["data"][0][1]) == reply


def test_a2_the_answer_counts_as_lambda_sends_it() -> None:
    """Escaped as JSON once more, with its headers: 5.5 MB, and no byte more."""

    def answer_of(length: int) -> dict[str, Any]:
        detail = contract.ErrorDetail("source_error", "x" * length, True, "")
        return envelope.answer(((3, contract.ErrorReply("r1", detail)),))

    around = len(json.dumps(answer_of(0)))
    whole = answer_of(5_500_000 - around)
    assert len(json.dumps(whole)) == 5_500_000
    assert "reply_too_large" not in whole["body"]
    ((row, value),) = json.loads(answer_of(5_500_001 - around)["body"])["data"]
    error = contract.decode_reply(value)
    assert isinstance(error, contract.ErrorReply)
    assert (row, error.error.code) == (3, "reply_too_large")


def test_a2_an_answer_that_doubles_as_json_text_is_counted_as_it_is_sent() -> None:
    """Backslashes take two bytes each: half of the limit is more than all of it."""

    def packed(backslashes: int, more: int) -> dict[str, Any]:
        text = "\\" * backslashes + "x" * more
        detail = contract.ErrorDetail("source_error", text, True, "")
        found = envelope.answer(((3, contract.ErrorReply("r1", detail)),))
        assert isinstance(found, dict)
        return found

    # Each backslash is two bytes of the body, and four of what Lambda sends.
    backslashes, more = divmod(5_500_000 - len(json.dumps(packed(0, 0))), 4)
    whole = packed(backslashes, more)
    assert len(json.dumps(whole)) == 5_500_000
    assert "reply_too_large" not in whole["body"]
    for larger in ((backslashes, more + 1), (backslashes + 1, more)):
        ((row, value),) = json.loads(packed(*larger)["body"])["data"]
        error = contract.decode_reply(value)
        assert isinstance(error, contract.ErrorReply)
        assert (row, error.error.code) == (3, "reply_too_large")


def test_direct_invocations_are_told_from_http() -> None:
    assert envelope.is_http(event())
    assert not envelope.is_http({"job": "jobs/x"})
