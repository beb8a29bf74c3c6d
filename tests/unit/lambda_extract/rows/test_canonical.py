"""Canonical texts of documents in PostgreSQL, and the rows that a digest leaves out."""

import json

import psycopg2.extensions
import pytest

from lambda_extract.contract import (
    INCOMPARABLE_IN_SOURCE,
    CursorSpec,
    CursorValue,
    DigestRequest,
    Partition,
)
from lambda_extract.operations.digest import MOST_BEYOND, digest
from lambda_extract.rows import canonical
from tests.unit.lambda_extract.conftest import MakeTable


def text_of(owner: psycopg2.extensions.connection, kind: str, value: str) -> str:
    """Returns the canonical text of a document."""
    with owner.cursor() as cursor:
        text = canonical._TEXTS["VARIANT"].format(w=f"(%(v)s::{kind})")
        cursor.execute(f"SELECT {text}", {"v": value})
        ((found,),) = cursor.fetchall()
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("document", "same"),
    [
        ('{"bb": 1.50, "a": [1.0, 15e-1]}', '{"a":[1,1.5],"bb":1.5}'),
        ('"1.50"', '  "1.50" '),
        ("-0.0", "0"),
        ("1e2", "100.00"),
        ('{"a": "1.0", "b": "\\\\\\"2.0"}', '{"b": "\\\\\\"2.0", "a": "1.0"}'),
        ('["\\u00e9"]', '["é"]'),
    ],
)
def test_equal_documents_have_one_text(
    owner: psycopg2.extensions.connection, document: str, same: str
) -> None:
    assert text_of(owner, "json", document) == text_of(owner, "jsonb", same)
    assert json.loads(document) == json.loads(same)


@pytest.mark.parametrize(
    ("document", "other"),
    [
        ("1.50", '"1.50"'),
        ('"1.50"', '"1.5"'),
        ('["a 1.0"]', '["a 1"]'),
        ("[1.05]", "[1.5]"),
        ("[100]", "[1]"),
        ("null", '"null"'),
        ("[1, 2]", "[2, 1]"),
        ('{"a": null}', "{}"),
        ("9" * 38, "9" * 37 + "8"),
    ],
)
def test_other_documents_have_another(
    owner: psycopg2.extensions.connection, document: str, other: str
) -> None:
    assert text_of(owner, "jsonb", document) != text_of(owner, "jsonb", other)


def test_a_document_that_is_too_large_ends_nothing(
    owner: psycopg2.extensions.connection,
) -> None:
    text = json.dumps("x" * canonical.LARGEST_DOCUMENT_BYTES)
    assert text_of(owner, "jsonb", text) == INCOMPARABLE_IN_SOURCE


def test_rows_beyond_the_cursor_are_named_up_to_a_limit(make_table: MakeTable) -> None:
    source = make_table(
        "id int PRIMARY KEY, n bigint NOT NULL",
        "INSERT INTO {table} SELECT i, i"
        f" FROM generate_series(1, {MOST_BEYOND + 10}) AS i",
    )

    def beyond(upto: int) -> tuple[int, int, bool]:
        request = DigestRequest(
            run_id="r",
            table=source.spec,
            partition=Partition("00000"),
            columns=("id", "n"),
            key=("id",),
            cursor=CursorSpec("n"),
            upto=CursorValue(str(upto), "bigint"),
        )
        with source.database() as database:
            reply = digest(database, request)
        rows = sum(bucket.rows for bucket in reply.buckets)
        return rows, len(reply.beyond), reply.complete

    assert beyond(MOST_BEYOND) == (MOST_BEYOND, 10, True)
    assert beyond(0) == (0, MOST_BEYOND, False)
