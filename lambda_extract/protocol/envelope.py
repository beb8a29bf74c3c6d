"""Snowflake's external function format inside API Gateway's proxy events. Pure.

A POST carries `{"data": [[row, argument], ...]}`; the answer carries the same row
numbers. A GET carries the headers of its POST and no body. 202 means "ask again".
"""

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambda_extract import contract
from lambda_extract.errors import JobError, error_reply

BATCH_ID_HEADER = "sf-external-function-query-batch-id"
MAX_BATCH_ID = 256
# API Gateway takes 10 MB; one of our requests is a few kilobytes. The cap is on the
# unpacked size, so that a small gzip body cannot fill the memory.
MAX_BODY_BYTES = 10_000_000
# One of our batches has one row; a row of a larger one is answered by an error each.
MAX_ROWS = 1_000
# Lambda gives 6 MB, escaped as JSON again. Measured: the largest digest that a
# reply may hold takes 6.9 MB, and 3.1 MB packed.
MAX_ANSWER_BYTES = 5_500_000
# What stands around a body: status, headers, whether it is packed; about 170 bytes.
_FRAME_BYTES = 1_000
# Small answers stay readable in gateway logs; only plans of many parts grow past this.
GZIP_FROM_BYTES = 65_536


class EnvelopeError(ValueError):
    """The HTTP request is not one of Snowflake's; the text says why.

    Answered by HTTP 400: without row numbers there is nothing to answer inside a 200.
    """


@dataclass(frozen=True)
class Call:
    """One HTTP request of Snowflake.

    Attributes:
        method: "POST" or "GET".
        batch_id: The same for a POST, its repetitions and all its GETs.
        accepts_gzip: True if the reply may be compressed.
        rows: (row number, argument) of a POST.
    """

    method: str
    batch_id: str
    accepts_gzip: bool
    rows: tuple[tuple[int, Any], ...] = ()


def is_http(event: Mapping[str, Any]) -> bool:
    """True for an API Gateway proxy event, False for a direct invocation."""
    return "httpMethod" in event or "requestContext" in event


def parse(event: Mapping[str, Any]) -> Call:
    """Reads a REST API proxy event.

    Raises:
        EnvelopeError: No batch id, another method, or a malformed body.
    """
    headers = _headers(event)
    method = str(event.get("httpMethod", "")).upper()
    if method not in ("POST", "GET"):
        raise EnvelopeError("only POST and GET are answered")
    batch_id = headers.get(BATCH_ID_HEADER, "")
    if not 0 < len(batch_id) <= MAX_BATCH_ID:
        raise EnvelopeError(f"the header {BATCH_ID_HEADER} is missing or too long")
    if not (batch_id.isascii() and batch_id.isprintable()):
        raise EnvelopeError(f"the header {BATCH_ID_HEADER} is no visible ASCII text")
    accepts_gzip = "gzip" in headers.get("accept-encoding", "").lower()
    if method == "GET":
        return Call(method, batch_id, accepts_gzip)
    return Call(method, batch_id, accepts_gzip, _rows(_body(event)))


def accepted() -> dict[str, Any]:
    """Returns the 202 answer."""
    return {
        "statusCode": 202,
        "headers": {"Content-Type": "application/json"},
        "body": "{}",
        "isBase64Encoded": False,
    }


def refused(error: EnvelopeError) -> dict[str, Any]:
    """Returns a 400 answer, which Snowflake shows and does not repeat."""
    return {
        "statusCode": 400,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"error": str(error)}),
        "isBase64Encoded": False,
    }


def answer(
    replies: tuple[tuple[int, contract.Reply], ...], *, accepts_gzip: bool = False
) -> dict[str, Any]:
    """Returns the 200 answer with one VARIANT per row.

    What Lambda would not hand on, and Snowflake ask for again and again, is an error.
    """
    found = _packed(replies, accepts_gzip)
    # No character of a body of JSON takes more than two in a JSON text.
    if 2 * len(found["body"]) + _FRAME_BYTES <= MAX_ANSWER_BYTES:
        return found
    if len(json.dumps(found)) <= MAX_ANSWER_BYTES:
        return found
    error = JobError("reply_too_large", "The reply is larger than Lambda can give.")
    short = [(row, error_reply(r.run_id, r.op, error)) for row, r in replies]
    return _packed(tuple(short), accepts_gzip)


def _packed(
    replies: tuple[tuple[int, contract.Reply], ...], accepts_gzip: bool
) -> dict[str, Any]:
    data = [[row, contract.to_object(reply)] for row, reply in replies]
    body = json.dumps({"data": data}, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"}
    packed = accepts_gzip and len(body) >= GZIP_FROM_BYTES
    if packed:
        body = gzip.compress(body, compresslevel=5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    else:
        # Of a packed body it is documented in two ways: of the bytes (RFC 1864), or of
        # the JSON text (Snowflake's example). gzip has a checksum of its own.
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        headers["Content-MD5"] = base64.b64encode(digest).decode()
    return {
        "statusCode": 200,
        "headers": headers,
        "body": base64.b64encode(body).decode() if packed else body.decode(),
        "isBase64Encoded": packed,
    }


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Header names in lower case; HTTP does not distinguish them."""
    many = event.get("multiValueHeaders") or {}
    headers = {name.lower(): ",".join(values) for name, values in many.items()}
    one = event.get("headers") or {}
    return headers | {name.lower(): str(value) for name, value in one.items()}


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            raw = base64.b64decode(body, validate=True)
        else:
            raw = body.encode()
    except (binascii.Error, ValueError, UnicodeEncodeError) as error:
        raise EnvelopeError("the body is not base64 text") from error
    # API Gateway unpacks a request and leaves its Content-Encoding in the event, so the
    # header says nothing: JSON never begins with gzip's magic bytes.
    if raw[:2] == b"\x1f\x8b":
        raw = _unpack(raw)
    if len(raw) > MAX_BODY_BYTES:
        raise EnvelopeError(f"the body is larger than {MAX_BODY_BYTES} bytes")
    return raw


def _unpack(raw: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        result = unpacker.decompress(raw, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise EnvelopeError("the body is not gzip data") from error
    if not unpacker.eof and len(result) <= MAX_BODY_BYTES:
        raise EnvelopeError("the gzip body is cut off")
    return result


def _rows(body: bytes) -> tuple[tuple[int, Any], ...]:
    try:
        data = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnvelopeError('the body is not {"data": [...]}') from error
    if not isinstance(data, list) or not data:
        raise EnvelopeError("the body has no rows")
    if len(data) > MAX_ROWS:
        raise EnvelopeError(f"the body has more than {MAX_ROWS} rows")
    return tuple(_row(row) for row in data)


def _row(row: Any) -> tuple[int, Any]:
    if not isinstance(row, list) or len(row) != 2:
        raise EnvelopeError("a row is not [number, argument]")
    number, argument = row
    if not isinstance(number, int) or isinstance(number, bool):
        raise EnvelopeError("a row number is not an integer")
    return number, argument
