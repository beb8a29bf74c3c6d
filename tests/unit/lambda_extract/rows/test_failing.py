"""E4: an error of a value names its column."""

import contextlib
import dataclasses
from types import SimpleNamespace
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.contract import ColumnSpec, CursorSpec, Window
from lambda_extract.errors import ExtractError, SourceError
from lambda_extract.rows import failing
from lambda_extract.source.database import Database
from local.aurora import Aurora, create_reader
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

WHOLE = contract.Partition("00000")
ROWS = "INSERT INTO {table} SELECT i, i, 'n' FROM generate_series(0, 99) AS i"


def view(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    selected: str,
    where: str = "TRUE",
    **spec: Any,
) -> Reader:
    reader = make_table("id int PRIMARY KEY, n int, note text", ROWS, **spec)
    table = reader.spec.relation
    selected = selected.replace("{f}", f"public.{table}_f")
    with owner.cursor() as cursor:
        cursor.execute(f"""
            CREATE FUNCTION {table}_f(int) RETURNS int LANGUAGE plpgsql STABLE AS
            'BEGIN IF $1 = 70 THEN RAISE ''secret''; END IF; RETURN $1; END';
            CREATE VIEW {table}_v AS SELECT {selected}
            FROM {table} WHERE {where};
            GRANT SELECT ON {table}_v TO {READER};
            GRANT EXECUTE ON FUNCTION {table}_f TO {READER}
            """)
    reader.spec = dataclasses.replace(reader.spec, relation=f"{table}_v", key=("id",))
    return reader


def failure(reader: Reader, **fields: Any) -> ExtractError:
    with pytest.raises(ExtractError) as refused:
        reader.run(**(fields or {"partition": WHOLE}))
    assert "secret" not in refused.value.message
    return refused.value


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ("id, n, 1 / (n - 50) AS share, note", "share"),
        ("1 / (n - 50) AS share, id, n, note", "share"),
        ("id, n, note, {f}(n) AS \"my 'f'\"", "my 'f'"),
        ("id, n, note::int AS whole, n AS m", "whole"),
        ("id, to_date(n::text || '-99', 'YYYY-MM') AS day, n", "day"),
        ("id, " + ", ".join(f"n AS n{i}" for i in range(40)) + ", 1 / n AS q", "q"),
        # Of two the first one.
        ("id, 1 / n AS one, {f}(n) AS two", "one"),
        ("1 / (n - 99) + id AS id", "id"),
    ],
)
def test_a_column_that_fails_is_named(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    columns: str,
    name: str,
) -> None:
    error = failure(view(make_table, owner, columns))
    assert error.message.startswith(f"Column {name!r} cannot be read: ")
    assert not error.retryable and error.hint


def test_it_is_named_in_a_window_and_among_hashed_columns(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    protected = (
        ColumnSpec("note", protect="hash"),
        ColumnSpec("share", protect="hash"),
    )
    reader = view(
        make_table, owner, "id, note, 1 / (n - 50) AS share", columns=protected
    )
    error = failure(reader, cursor=CursorSpec("id"), window=Window())
    assert error.message.startswith("Column 'share' cannot be read: ")
    # Rows that do not fail are read.
    lower = contract.CursorValue("50", "bigint")
    reply = reader.run(cursor=CursorSpec("id"), window=Window(lower=lower))
    assert reply.rows == 49


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ("id, n, note", "1 / (n - 50) < 2"),
        ("id, note", "{f}(n) > 3"),
        # Runs for each row, whatever columns are read.
        ("id, {v}(n) AS ran, note", "TRUE"),
    ],
)
def test_what_no_column_is_the_reason_of_names_none(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    columns: str,
    where: str,
) -> None:
    name = f"public.{make_table('id int PRIMARY KEY').spec.relation}"
    with owner.cursor() as cursor:
        for volatility in ("STABLE", "VOLATILE"):
            cursor.execute(
                f"CREATE FUNCTION {name}_{volatility[0]}(int) RETURNS int"
                f" LANGUAGE plpgsql {volatility} AS 'BEGIN RAISE ''secret''; END'"
            )
    columns = columns.replace("{v}", f"{name}_v")
    where = where.replace("{f}", f"{name}_s")
    error = failure(view(make_table, owner, columns, where))
    assert error.code == "source_cannot_be_read" and "Column" not in error.message


def test_bytes_that_are_no_characters_are_told_with_their_column(
    aurora: Aurora, make_table: MakeTable
) -> None:
    with contextlib.closing(aurora.connect()) as owner, owner.cursor() as cursor:
        cursor.execute(
            "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
    create_reader(aurora.dsn("bytes"), role=READER)
    with contextlib.closing(aurora.connect("bytes")) as owner, owner.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id int PRIMARY KEY, name text, note text)")
        cursor.execute("INSERT INTO t VALUES (1, 'a', 'b'), (2, E'caf\\xe9', 'b')")
    reader = make_table("id int PRIMARY KEY")
    reader.spec = contract.TableSpec("t", "bytes", "public", "t")
    reader.dbname = "bytes"
    error = failure(reader)
    assert error.message.startswith("Column 'name' cannot be read: ")
    assert "exclude" in error.hint


def test_the_search_ends_with_its_time_and_with_the_connection(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = view(make_table, owner, "id, 1 / (n - 50) AS share")
    monkeypatch.setattr(failing, "LONGEST_SECONDS", -1.0)
    assert "Column" not in failure(reader).message
    monkeypatch.undo()

    def broken(*_: object, **__: object) -> None:
        raise SourceError("source_unreachable", "The connection broke off.")

    monkeypatch.setattr(Database, "try_copy", broken)
    error = failure(reader)
    assert error.code == "source_cannot_be_read" and "Column" not in error.message


def test_a_connection_that_breaks_during_the_search_blames_no_column(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = view(make_table, owner, "id, 1 / (n - 50) AS share, note")
    asked: list[float] = []

    def breaks(self: Database, statement: sql.Composable, *, seconds: float) -> None:
        asked.append(seconds)
        if len(asked) > 1:
            raise SourceError("source_unreachable", "The connection broke off.")

    monkeypatch.setattr(Database, "try_copy", breaks)
    error = failure(reader)
    assert error.code == "source_cannot_be_read" and "Column" not in error.message
    # Nor is a broken connection asked again.
    assert len(asked) == 2


def test_the_search_takes_half_a_minute_at_most(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of which each scan gets what is left; then the error is told as it is."""
    reader = view(make_table, owner, "id, 1 / (n - 50) AS share, note")
    now = 1000.0
    left: list[float] = []
    monkeypatch.setattr(failing, "time", SimpleNamespace(monotonic=lambda: now))

    def slow(self: Database, statement: sql.Composable, *, seconds: float) -> None:
        nonlocal now
        left.append(seconds)
        if seconds <= 0:
            raise SourceError("window_too_large", "Time is over.")
        now += 15

    monkeypatch.setattr(Database, "try_copy", slow)
    assert "Column" not in failure(reader).message
    assert left == [30, 15, 0]


def test_the_search_writes_nothing(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id serial PRIMARY KEY")
    name = f"{reader.spec.relation}_id_seq"
    with owner.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SEQUENCE {name} TO {READER}")
    with reader.database() as database:
        statement = f"COPY (SELECT pg_catalog.nextval('public.{name}')) TO STDOUT"
        with pytest.raises(SourceError, match="25006"):
            database.try_copy(sql.SQL(statement), seconds=5)
