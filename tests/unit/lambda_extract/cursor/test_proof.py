"""What is proven beside open and prepared transactions, against a real PostgreSQL."""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg2
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


# --- leased logins --------------------------------------------------------------------


@pytest.fixture
def roles(owner: psycopg2.extensions.connection) -> Iterator[list[str]]:
    """Names for a role that may read and for three more; who exists then is dropped."""
    names = [f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("may", "one", "two", "adm")]
    yield names
    with owner.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [names])
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP OWNED BY {name} CASCADE")
        for name in reversed(names):
            cursor.execute(f"DROP ROLE IF EXISTS {name}")


def oldest_beside(make_table: MakeTable, role: str, other: str) -> str | None:
    """What the proof of one login says while another one's transaction is open."""
    reader = dataclasses.replace(
        make_table("id bigint PRIMARY KEY, at timestamptz"), user=role
    )
    may_read = f"GRANT SELECT ON {reader.spec.relation} TO PUBLIC"
    with contextlib.closing(reader.aurora.connect("shop")) as connection:
        connection.cursor().execute(may_read)
    dsn = reader.aurora.dsn("shop", user=other)
    named = "aurora_sync:another"
    with contextlib.closing(
        psycopg2.connect(dsn, application_name=named)
    ) as connection:
        connection.cursor().execute("SELECT 1")
        with reader.database() as database:
            table = read_table(database, reader.spec)
            cursor = check_cursor(database, table, CursorSpec("at"))
            return read_proof(database, table, cursor).oldest


def test_a_login_that_two_have_granted_the_same_role_is_still_one_of_ours(
    make_table: MakeTable, owner: psycopg2.extensions.connection, roles: list[str]
) -> None:
    """What counts is which roles a login has, not how often it was given them."""
    may, one, two, admin = roles
    with owner.cursor() as cursor:
        cursor.execute(f"""
            CREATE ROLE {may} IN ROLE pg_read_all_stats;
            CREATE ROLE {one} LOGIN IN ROLE {may};
            CREATE ROLE {two} LOGIN;
            CREATE ROLE {admin};
            GRANT {may} TO {admin} WITH ADMIN OPTION""")
        assert oldest_beside(make_table, one, two) is not None
        cursor.execute(f"""
            GRANT {may} TO {two};
            GRANT {may} TO {two} GRANTED BY {admin}""")
    assert oldest_beside(make_table, one, two) is None


def test_logins_of_the_first_role_that_a_server_was_given_are_ours(
    make_table: MakeTable, owner: psycopg2.extensions.connection, roles: list[str]
) -> None:
    """PostgreSQL gives it the number 16384; predefined roles have smaller ones."""
    may, one, two, _ = roles
    with owner.cursor() as cursor:
        # These tests have made a database first, so the number is free among roles.
        cursor.execute(f"""
            CREATE ROLE {may};
            SET allow_system_table_mods = on;
            UPDATE pg_authid SET oid = 16384 WHERE rolname = '{may}';
            RESET allow_system_table_mods""")
        cursor.execute(f"""
            GRANT pg_read_all_stats TO {may};
            CREATE ROLE {one} LOGIN IN ROLE {may};
            CREATE ROLE {two} LOGIN IN ROLE {may}""")
    assert oldest_beside(make_table, one, two) is None
