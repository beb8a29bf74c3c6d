"""Bodies on their way through API Gateway (PLATFORM A1, A2)."""

import base64
import gzip
import json

import pytest

from lambda_extract import contract
from lambda_extract.protocol import envelope
from local.aws.bodies import answer_bytes, unpacked

BODY = json.dumps({"data": [[0, "\u00fc"]]}).encode()


def event(body: bytes, *, base64_body: bool) -> dict[str, object]:
    """As the gateway makes it: the header of a packed body stays."""
    text = base64.b64encode(body).decode() if base64_body else body.decode()
    return {
        "httpMethod": "POST",
        "headers": {
            "sf-external-function-query-batch-id": "b",
            "Content-Encoding": "gzip",
            "Accept-Encoding": "gzip",
        },
        "body": text,
        "isBase64Encoded": base64_body,
    }


@pytest.mark.parametrize("base64_body", [True, False])
def test_a1_a_body_that_the_gateway_has_unpacked_is_read_as_it_is(
    base64_body: bool,
) -> None:
    plain = unpacked(gzip.compress(BODY), "gzip")
    call = envelope.parse(event(plain, base64_body=base64_body))
    assert call.rows == ((0, "\u00fc"),)


def test_a1_a_body_that_is_still_packed_is_unpacked() -> None:
    call = envelope.parse(event(gzip.compress(BODY), base64_body=True))
    assert call.rows == ((0, "\u00fc"),)


# Named: packed bytes hold the time, and workers of one run must agree on names.
@pytest.mark.parametrize(
    "body",
    [BODY, b"\x1f\x8bxx", gzip.compress(BODY)[:-3]],
    ids=["plain", "no gzip", "cut off"],
)
def test_a1_the_gateway_refuses_what_is_no_gzip(body: bytes) -> None:
    with pytest.raises(ValueError, match="no gzip"):
        unpacked(body, "gzip")


def large_answer() -> dict[str, object]:
    error = contract.ErrorDetail("x_y", "m" * envelope.GZIP_FROM_BYTES, False, "h")
    reply = contract.ErrorReply(run_id="r", error=error)
    return envelope.answer(((0, reply),), accepts_gzip=True)


def test_a2_a_packed_answer_reaches_a_client_unharmed_with_binary_media_types() -> None:
    answer = large_answer()
    data = json.loads(gzip.decompress(answer_bytes(answer, binary=True)))
    assert data["data"][0][1]["ok"] is False
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(answer_bytes(answer, binary=False))


def test_a2_a_packed_answer_carries_no_digest() -> None:
    """Of which bytes it would be is documented in two ways."""
    headers = large_answer()["headers"]
    assert isinstance(headers, dict) and "Content-MD5" not in headers
