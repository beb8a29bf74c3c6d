"""Canonical texts of documents in PostgreSQL, and the rows that a digest leaves out."""

import contextlib
import hashlib
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
from local.aurora import Aurora
from tests.unit.lambda_extract.conftest import MakeTable


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


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


@pytest.mark.parametrize(("size", "compared"), [(4_194_304, True), (4_194_305, False)])
def test_a_document_of_more_than_4_mb_is_not_compared_and_ends_nothing(
    owner: psycopg2.extensions.connection, size: int, compared: bool
) -> None:
    document = json.dumps("x" * (size - 2))
    expected = md5(document) if compared else INCOMPARABLE_IN_SOURCE
    assert text_of(owner, "jsonb", document) == expected


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.50", "15e1"),
        ("-1.5", "-15e1"),
        ("-0.0150", "-15e-1"),
        ("1200", "12e4"),
        ("1.5e3", "15e4"),
        ("-1.5e+3", "-15e4"),
        ("1.5e-3", "15e-2"),
        ("-0.00", "0"),
        ("0e7", "0"),
    ],
)
def test_a_decimal_has_one_form_whatever_its_notation(
    owner: psycopg2.extensions.connection, number: str, text: str
) -> None:
    """Its sign, its digits, and the power of ten that 0.digits is multiplied by."""
    with owner.cursor() as cursor:
        cursor.execute("SELECT " + canonical.DECIMAL_FORM.format(t=f"'{number}'::text"))
        assert cursor.fetchall() == [(text,)]


def test_a_document_in_another_encoding_is_compared_if_it_is_ascii(
    aurora: Aurora,
) -> None:
    """jsonb sorts keys by the database's bytes, which Snowflake has not."""
    with contextlib.closing(aurora.connect()) as maintenance:
        maintenance.cursor().execute(
            "CREATE DATABASE latin1_documents ENCODING 'LATIN1' TEMPLATE template0"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
    with contextlib.closing(aurora.connect("latin1_documents")) as owner:
        plain = text_of(owner, "jsonb", '{"cafe": 1.50}')
        accented = text_of(owner, "jsonb", '{"caf\u00e9": 1.50}')
    assert (plain, accented) == (md5('{"cafe": 1.5}'), INCOMPARABLE_IN_SOURCE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.50", "15e1"),
        ("-0.0150", "-15e-1"),
        ("1e38 - 1", "9" * 38 + "e38"),
        # A sync refuses it, so that no target holds it.
        ("1e39 + 1", "!refused"),
        ("NULL", "~"),
    ],
)
def test_a_number_is_digested_as_it_travels_and_marked_if_it_does_not(
    make_table: MakeTable, value: str, text: str
) -> None:
    source = make_table(
        "id int PRIMARY KEY, v numeric",
        f"INSERT INTO {{table}} VALUES (1, {value})",
    )
    request = DigestRequest(
        "r", source.spec, Partition("p"), ("v",), ("id",), step="rows"
    )
    with source.database() as database:
        (found,) = digest(database, request).digests
    assert (found.key_hash, found.row_hash) == (md5("1"), md5(f"{md5('1')}|{text}"))


def test_a_composite_is_compared_as_a_document(make_table: MakeTable) -> None:
    """Each of its fields by name, keys ordered as jsonb orders them."""
    inner = make_table("street text, no numeric(5,2)")
    source = make_table(
        f"id int PRIMARY KEY, v {inner.spec.relation}",
        "INSERT INTO {table} VALUES (1, ('x', 1.50)), (2, NULL)",
    )
    request = DigestRequest(
        "r", source.spec, Partition("p"), ("v",), ("id",), step="rows"
    )
    with source.database() as database:
        found = {d.key_hash: d.row_hash for d in digest(database, request).digests}
    texts = {"1": md5('{"no": 1.5, "street": "x"}'), "2": "~"}
    assert found == {md5(i): md5(f"{md5(i)}|{text}") for i, text in texts.items()}


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
