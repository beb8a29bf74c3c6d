"""What is proven beside open and prepared transactions, against a real PostgreSQL."""

import contextlib
from datetime import datetime, timedelta

import psycopg2.extensions
import pytest

from lambda_extract.contract import CursorSpec, CursorValue
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.cursor.column import check_cursor
from lambda_extract.cursor.proof import read_proof
from lambda_extract.settings import Source
from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import connected
from local.aurora import Aurora

from tests.unit.lambda_extract.conftest import READER, MakeTable

NUMBERS = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text"


def test_a_statement_of_our_own_is_no_open_transaction_whatever_its_session_is_called(
    make_table: MakeTable, aurora: Aurora
) -> None:
    """A pooler may give the session another name than the one that was asked for."""
    reader = make_table("id bigint PRIMARY KEY, at timestamptz")
    source = Source("shop", "127.0.0.1", "shop", {}, aurora.port, "disable")
    with connected(
        source,
        Credentials(READER, ""),
        application_name="pgbouncer",
        budget_seconds=30,
    ) as database:
        table = read_table(database, reader.spec)
        cursor = check_cursor(database, table, CursorSpec("at"))
        proof = read_proof(database, table, cursor)
    assert (proof.oldest, proof.visible) == (None, True)


def test_a_maximum_stays_unproven_while_one_prepared_transaction_is_open(
    make_table: MakeTable, owner: psycopg2.extensions.connection, aurora: Aurora
) -> None:
    """When it began is not known: it may have been open when the maximum was seen."""
    reader = make_table(NUMBERS)
    name = reader.spec.relation
    add = f"INSERT INTO {name} (note) VALUES ('x')"
    with contextlib.closing(aurora.connect("shop")) as other:
        other.cursor().execute(f"BEGIN; {add}")
        other.cursor().execute(f"PREPARE TRANSACTION '{name}'")
    try:
        owner.cursor().execute(add)
        first = reader.sync("id")
        second = reader.sync("id", first.bound)
    finally:
        owner.cursor().execute(f"COMMIT PREPARED '{name}'")
    assert first.bound is not None and first.bound.pending_bound is not None
    assert first.bound.pending_bound.value == "2"
    assert second.bound is not None and second.bound.watermark is None
    assert second.bound.pending_bound == first.bound.pending_bound
    last = reader.sync("id", second.bound)
    assert reader.ids(last) == ["1", "2"] and last.bound is not None
    assert last.bound.watermark == CursorValue("2", "bigint")


@pytest.mark.parametrize(
    ("declared", "behind"),
    [
        ("timestamptz", timedelta(microseconds=1)),
        ("timestamptz(6)", timedelta(microseconds=1)),
        # These round, by up to half of their last digit.
        ("timestamptz(5)", timedelta(microseconds=11)),
        ("timestamptz(0)", timedelta(seconds=1, microseconds=1)),
    ],
)
def test_the_watermark_keeps_one_step_of_the_column_behind_the_clock(
    make_table: MakeTable, declared: str, behind: timedelta
) -> None:
    reader = make_table(
        f"id bigint PRIMARY KEY, at {declared}",
        "INSERT INTO {table} VALUES (1, now() + interval '1 hour')",
    )
    reply = reader.sync("at", margin_seconds=0.0)
    assert reply.bound is not None and reply.bound.watermark is not None
    watermark = datetime.fromisoformat(reply.bound.watermark.value)
    assert datetime.fromisoformat(reply.extracted_at) - watermark == behind
