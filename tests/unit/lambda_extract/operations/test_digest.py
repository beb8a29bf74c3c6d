"""Digest requests that make no sense are refused before PostgreSQL is asked."""

import dataclasses
from typing import Any

import pytest

from lambda_extract.contract import (
    Bucket,
    CursorSpec,
    CursorValue,
    DigestReply,
    DigestRequest,
    Partition,
    RowDigest,
    TableSpec,
    decode_reply,
    decode_request,
    encode,
)
from lambda_extract.errors import RequestError
from lambda_extract.operations.digest import digest

REQUEST = DigestRequest(
    run_id="r",
    table=TableSpec("orders", "shop", "public", "orders"),
    partition=Partition("00000"),
    columns=("id", "note"),
    key=("id",),
)
NOON = CursorValue("2026-01-01 12:00:00+00", "timestamp with time zone")


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": ()},
        {"key": ()},
        {"depth": -1},
        {"depth": 33},
        {"within": ("0g",)},
        {"within": ("",)},
        {"within": ("0a", "0ab")},
        {"within": ("') OR true --",)},
        {"step": "newest"},
        {"upto": NOON},
        {"upto": NOON, "cursor": CursorSpec("at"), "step": "detail"},
    ],
)
def test_a_request_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    database: Any = None
    with pytest.raises(RequestError) as caught:
        digest(database, dataclasses.replace(REQUEST, **wrong))
    assert caught.value.code == "bad_request"


def test_messages_survive_their_way() -> None:
    limited = dataclasses.replace(REQUEST, cursor=CursorSpec("at"), upto=NOON)
    for request in (REQUEST, limited):
        assert decode_request(encode(request)) == request
    reply = DigestReply(
        run_id="r",
        columns=(),
        buckets=(Bucket("0a", 2, "1" * 16, "7"),),
        digests=(RowDigest("0a", "ff", ("1", None), "0" * 16),),
        beyond=("0a1b2c3d4e5f6071",),
        newest=NOON,
    )
    assert decode_reply(encode(reply)) == reply
