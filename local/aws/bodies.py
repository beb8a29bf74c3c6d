"""What API Gateway does to the bodies and headers that pass through it."""

import base64
import gzip
import zlib
from collections.abc import Mapping
from typing import Any

# Synchronous answers of Lambda: 6 MB. Longer than 29 s a request is not waited for.
MAX_ANSWER_BYTES = 6 << 20
INTEGRATION_SECONDS = 29.0
# "Important notes": these headers of an answer reach the client under other names.
RENAMED = {
    "content-md5": "x-amzn-Remapped-Content-MD5",
    "date": "x-amzn-Remapped-Date",
    "www-authenticate": "x-amzn-Remapped-WWW-Authenticate",
}


def unpacked(body: bytes, encoding: str | None) -> bytes:
    """Returns the body as API Gateway hands it on: unpacked, its header left alone.

    Source: "Payload compression for REST APIs" in AWS's documentation.

    Raises:
        ValueError: The header says gzip and the body is none (HTTP 415).
    """
    if "gzip" not in (encoding or "").lower() or not body:
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("no gzip data") from error


def answer_bytes(answer: Mapping[str, Any], *, binary: bool) -> bytes:
    """Returns what a client gets of a proxy integration's answer.

    Args:
        binary: The API declares binary_media_types; without them a client gets the
            base64 text ("Return binary media from a Lambda proxy integration").
    """
    text = answer.get("body") or ""
    if answer.get("isBase64Encoded") and binary:
        return base64.b64decode(text)
    return str(text).encode()
