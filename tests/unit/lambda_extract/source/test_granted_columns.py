"""SELECT on some columns of a table is enough to read them (C10)."""

import contextlib
from collections.abc import Callable
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.errors import ExtractError
from lambda_extract.operations.digest import digest
from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import Database
from lambda_extract.source.snapshot import snapshot
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

COLUMNS = """id int PRIMARY KEY, a text, secret text,
    updated_at timestamptz NOT NULL DEFAULT now()"""
ROWS = """
    INSERT INTO {table} SELECT i, 'a' || i, 's' FROM generate_series(1, 30) AS i;
    CREATE INDEX ON {table} (updated_at);
    ANALYZE {table};"""
GRANT = f"""
    REVOKE ALL ON {{table}} FROM {READER};
    GRANT SELECT (id, a, updated_at) ON {{table}} TO {READER}"""
WHOLE = contract.Partition(part="whole")
PARTITIONED = f"""
    DROP TABLE {{table}};
    CREATE TABLE {{table}} ({COLUMNS}) PARTITION BY RANGE (id);
    CREATE TABLE {{table}}_1 PARTITION OF {{table}} FOR VALUES FROM (0) TO (20);
    CREATE TABLE {{table}}_2 PARTITION OF {{table}} FOR VALUES FROM (20) TO (99);
    REVOKE ALL ON {{table}}_1, {{table}}_2 FROM {READER};"""
CHILDREN = f"""
    CREATE TABLE {{table}}_c () INHERITS ({{table}});
    REVOKE ALL ON {{table}}_c FROM {READER};
    INSERT INTO {{table}}_c VALUES (99, 'child', 's');"""


def granted(make_table: MakeTable, script: str = "", grant: str = GRANT) -> Reader:
    return make_table(COLUMNS, script + ROWS + grant, exclude=("secret",))


@pytest.mark.parametrize(
    ("script", "rows"), [("", 30), (PARTITIONED, 30), (CHILDREN, 31)]
)
def test_every_operation_reads_them(
    make_table: MakeTable, script: str, rows: int
) -> None:
    reader = granted(make_table, script)
    planned = reader.plan(
        cursor=contract.CursorSpec("updated_at"),
        limits=contract.Limits(chunk_rows=10),
    )
    assert len(planned.partitions) >= 3
    assert sum(reader.run(partition=p).rows for p in planned.partitions) == rows
    first = reader.sync("updated_at", margin_seconds=0)
    assert first.rows == rows
    assert reader.sync("updated_at", first.bound, margin_seconds=0).identity is not None
    request = contract.DigestRequest(
        "r1", reader.spec, WHOLE, columns=("id", "a"), key=("id",)
    )
    with reader.database() as database:
        assert digest(database, request).buckets[0].rows == rows


def test_versions_of_rows_are_used_if_they_may_be_read(make_table: MakeTable) -> None:
    more = f"; GRANT SELECT (ctid, xmin, tableoid) ON {{table}} TO {READER}"
    for grant, compared in ((GRANT, False), (GRANT + more, True)):
        reader = granted(make_table, grant=grant)
        first = reader.sync("updated_at", margin_seconds=0)
        again = reader.sync("updated_at", first.bound, margin_seconds=0)
        assert again.unchanged == compared


def test_a_column_without_a_right_is_still_named(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, ROWS + GRANT)
    with pytest.raises(ExtractError) as caught:
        reader.run(partition=WHOLE)
    assert caught.value.code == "permission_denied" and "'secret'" in str(caught.value)


def truncate(name: str) -> str:
    return f"TRUNCATE {name}"


def truncate_a_partition(name: str) -> str:
    return f"TRUNCATE {name}_2"


def swap_columns(name: str) -> str:
    table = f"ALTER TABLE {name} RENAME"
    return f"{table} a TO x; {table} secret TO a; {table} x TO secret"


def rewrite(name: str) -> str:
    return f"ALTER TABLE {name} ALTER id TYPE bigint"


def drop_a_column(name: str) -> str:
    return f"ALTER TABLE {name} DROP a"


def rename_the_table(name: str) -> str:
    return f"ALTER TABLE {name} RENAME TO {name}_old"


@pytest.mark.parametrize(
    ("change", "script"),
    [
        (truncate, ""),
        (truncate, CHILDREN),
        (truncate_a_partition, PARTITIONED),
        (swap_columns, ""),
        (rewrite, ""),
        (drop_a_column, ""),
        (rename_the_table, ""),
    ],
)
def test_a_change_between_snapshot_and_lock_is_seen(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[str], str],
    script: str,
) -> None:
    grant = GRANT.replace("(id, a,", "(id, a, secret,")
    reader = granted(make_table, script, grant)
    described = Database.described

    def late(database: Database, query: Any) -> Any:
        with owner.cursor() as cursor:
            cursor.execute(change(reader.spec.relation))
        return described(database, query)

    monkeypatch.setattr(Database, "described", late)
    with reader.database() as database:
        table = read_table(database, reader.spec)
        with pytest.raises(ExtractError) as caught, snapshot(database, table):
            pass
    assert caught.value.code == "source_error" and "altered" in str(caught.value)
    with contextlib.suppress(psycopg2.Error), owner.cursor() as cursor:
        cursor.execute(f"DROP TABLE {reader.spec.relation}_old")


def test_the_table_stays_locked_until_the_end(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = granted(make_table, PARTITIONED)
    with reader.database() as database:
        table = read_table(database, reader.spec)
        with snapshot(database, table), owner.cursor() as cursor:
            for name in ("", "_1", "_2"):
                cursor.execute("SET lock_timeout = '20ms'")
                with pytest.raises(psycopg2.errors.LockNotAvailable):
                    cursor.execute(f"TRUNCATE {reader.spec.relation}{name}")


def attached(
    reader: Reader, owner: psycopg2.extensions.connection, rows: str
) -> contract.ExtractReply:
    """Attaches a partition that the reader has no right on, and syncs again."""
    first = reader.sync("updated_at", margin_seconds=0)
    name = reader.spec.relation
    with owner.cursor() as cursor:
        cursor.execute(f"""
            CREATE TABLE {name}_3 PARTITION OF {name} FOR VALUES FROM (99) TO (200);
            REVOKE ALL ON {name}_3 FROM {READER};
            INSERT INTO {name} (id, updated_at) {rows}""")
    return reader.run(
        cursor=contract.CursorSpec("updated_at", margin_seconds=0),
        window=contract.Window(
            lower=first.bound and first.bound.watermark, identity=first.identity
        ),
    )


@pytest.mark.parametrize("grant", [GRANT, ""])
@pytest.mark.parametrize(
    ("rows", "changed"),
    [
        ("SELECT 1, now() WHERE FALSE", False),
        ("SELECT 100, '2020-01-01'", True),
    ],
)
def test_a_partition_without_a_right_of_its_own(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    grant: str,
    rows: str,
    changed: bool,
) -> None:
    reader = granted(make_table, PARTITIONED, grant)
    assert bool(attached(reader, owner, rows).source_changed) == changed


def test_new_rows_of_such_a_partition_are_no_change(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = granted(make_table, PARTITIONED, "")
    assert attached(reader, owner, "SELECT 100, now()").source_changed == ""
