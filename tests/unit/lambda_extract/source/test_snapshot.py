"""How a table is held still while it is read: what is locked and what is left alone."""

import dataclasses
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import Database
from lambda_extract.source.snapshot import snapshot
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

ROWS = "INSERT INTO {table} SELECT i, i FROM generate_series(1, 10) AS i;"
SOME_COLUMNS = f"""
    REVOKE ALL ON {{table}} FROM {READER};
    GRANT SELECT (id, v) ON {{table}} TO {READER};"""
PARTITIONED = """
    DROP TABLE {table};
    CREATE TABLE {table} (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
    CREATE TABLE {table}_1 PARTITION OF {table} DEFAULT;"""


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[sql.Composable]:
    """The queries of a relation that lock it."""
    asked: list[sql.Composable] = []
    described = Database.described

    def noted(database: Database, query: sql.Composable) -> Any:
        asked.append(query)
        return described(database, query)

    monkeypatch.setattr(Database, "described", noted)
    return asked


def opened(reader: Reader) -> None:
    with reader.database() as database:
        with snapshot(database, read_table(database, reader.spec)):
            pass


@pytest.mark.parametrize(("script", "names"), [("", [""]), (PARTITIONED, ["", "_1"])])
def test_a_table_is_locked_before_any_of_it_is_read(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    script: str,
    names: list[str],
) -> None:
    """A TRUNCATE would leave it empty for a snapshot that is older."""
    reader = make_table("id int PRIMARY KEY, v int", script + ROWS)
    with reader.database() as database:
        table = read_table(database, reader.spec)
        with snapshot(database, table), owner.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20ms'")
            for name in names:
                with pytest.raises(psycopg2.errors.LockNotAvailable):
                    cursor.execute(f"TRUNCATE {reader.spec.relation}{name}")


def test_a_relation_is_not_queried_before_it_is_read(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    queries: list[sql.Composable],
) -> None:
    """A view may be expensive, and a table that is granted as a whole has its lock."""
    reader = make_table("id int PRIMARY KEY, v int", ROWS)
    opened(reader)
    view = f"{reader.spec.relation}_v"
    owner.cursor().execute(
        f"CREATE VIEW {view} AS SELECT id, v FROM {reader.spec.relation};"
        + SOME_COLUMNS.format(table=view)
    )
    reader.spec = dataclasses.replace(reader.spec, relation=view)
    opened(reader)
    assert queries == []


def test_to_lock_a_table_by_a_query_reads_no_row(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    queries: list[sql.Composable],
) -> None:
    reader = make_table("id int PRIMARY KEY, v int", ROWS + SOME_COLUMNS)
    opened(reader)
    (query,) = queries
    with owner.cursor() as cursor:
        cursor.execute(sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + query)
        (scan,) = cursor.fetchall()[0][0][0]["Plan"]["Plans"]
    assert scan["Relation Name"] == reader.spec.relation
    assert scan["Actual Loops"] == 0


def test_another_table_may_change_in_between(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What happens between snapshot and lock counts for the partitions of the table."""
    other = make_table("id int PRIMARY KEY, v int", PARTITIONED + ROWS).spec.relation
    reader = make_table("id int PRIMARY KEY, v int", ROWS + SOME_COLUMNS)
    described = Database.described

    def late(database: Database, query: sql.Composable) -> Any:
        owner.cursor().execute(f"TRUNCATE {other}_1")
        return described(database, query)

    monkeypatch.setattr(Database, "described", late)
    opened(reader)
