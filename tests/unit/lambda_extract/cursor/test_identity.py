"""Each sign that the source is another one, or stands at an older state, by itself.

tests/end_to_end/test_the_source_went_back_in_time.py has what people do to a source,
and most of it shows by several signs at once (C4, C5, C14).
"""

import dataclasses
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract.contract import CursorSpec, Member, SourceIdentity, Window
from lambda_extract.cursor.column import check_cursor
from lambda_extract.cursor.identity import difference, find_change, read_identity
from lambda_extract.source.catalog import read_table
from tests.unit.lambda_extract.conftest import READER, MakeTable

KNOWN = SourceIdentity(
    relation_id=7,
    members=(Member(7, 70, ""), Member(8, 80, "500")),
    system="6100",
    timeline=2,
    next_transaction=1000,
    sequence=50,
)
COLUMNS = "id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now()"
ROWS = """
    CREATE INDEX ON {table} (updated_at);
    INSERT INTO {table} SELECT i, now() - interval '1 hour'
    FROM generate_series(1, 20) AS i;"""
PARTED = """
    DROP TABLE {table};
    CREATE TABLE {table} (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL
        DEFAULT now()) PARTITION BY RANGE (id);
    CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES FROM (0) TO (1000);"""
# What each does shows by one sign alone.
RESTORED = """
    DELETE FROM {table};
    INSERT INTO {table} SELECT i, now() - interval '1 day'
    FROM generate_series(1, 20) AS i"""
ATTACHED = """
    CREATE TABLE {table}_2 (LIKE {table} INCLUDING ALL);
    INSERT INTO {table}_2 VALUES (1001, now() - interval '1 day');
    ALTER TABLE {table} ATTACH PARTITION {table}_2 FOR VALUES FROM (1000) TO (2000)"""
ATTACHED_AGAIN = """
    ALTER TABLE {table} DETACH PARTITION {table}_1;
    UPDATE {table}_1 SET id = id + 100;
    ALTER TABLE {table} ATTACH PARTITION {table}_1 FOR VALUES FROM (0) TO (1000)"""


def now(**fields: Any) -> SourceIdentity:
    return dataclasses.replace(KNOWN, **fields)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (now(relation_id=9), "Another relation"),
        (now(system="6200"), "system identifier"),
        (now(timeline=3), "timeline"),
        (now(next_transaction=999), "transaction counter"),
        (now(members=(Member(7, 71, ""), Member(8, 80, "500"))), "truncated"),
        (now(members=(Member(7, 70, ""), Member(8, 81, "500"))), "truncated"),
        (now(members=(Member(7, 70, ""), Member(8, 80, "501"))), "attached again"),
        (now(sequence=49), "sequence"),
        (now(sequence=0), "sequence"),
    ],
)
def test_each_sign_is_enough(found: SourceIdentity, words: str) -> None:
    assert words in difference(KNOWN, found)


@pytest.mark.parametrize(
    "found",
    [
        KNOWN,
        now(next_transaction=2000, sequence=51),
        # What may not be read, or is not there, proves nothing.
        now(system="", timeline=0),
        now(next_transaction=0),
        now(sequence=None),
        # Partitions come and go; their rows are looked at elsewhere.
        now(members=(Member(7, 70, ""),)),
        now(members=(*KNOWN.members, Member(9, 90, "600"))),
    ],
)
def test_what_ordinary_work_does_is_no_sign(found: SourceIdentity) -> None:
    assert difference(KNOWN, found) == ""


def test_a_sequence_that_stays_at_zero_was_not_set_back() -> None:
    """One with MINVALUE 0 has handed out its first value."""
    still = now(sequence=0)
    assert difference(still, still) == ""


def test_what_was_not_known_before_is_no_sign() -> None:
    known = now(system="", timeline=0, next_transaction=0, sequence=None)
    assert difference(known, KNOWN) == ""


@pytest.mark.parametrize(
    ("before", "statement", "words"),
    [
        ("", RESTORED, "largest cursor is below"),
        ("", "TRUNCATE {table}", "truncated"),
        (PARTED, ATTACHED, "rows behind the watermark was attached"),
        (PARTED, ATTACHED_AGAIN, "attached again"),
        ("", "DELETE FROM {table} WHERE id > 10", ""),
        ("", "INSERT INTO {table} VALUES (99)", ""),
    ],
    ids=["restored", "truncated", "attached", "again", "deleted", "inserted"],
)
def test_rows_behind_the_watermark_that_are_others_are_found(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    before: str,
    statement: str,
    words: str,
) -> None:
    reader = make_table(COLUMNS, before + ROWS)
    first = reader.sync("updated_at", margin_seconds=0)
    assert first.bound is not None
    with owner.cursor() as cursor:
        cursor.execute(statement.replace("{table}", reader.spec.relation))
    reply = reader.run(
        cursor=CursorSpec("updated_at", margin_seconds=0),
        window=Window(lower=first.bound.watermark, identity=first.identity),
    )
    assert words in reply.source_changed
    assert bool(words) == bool(reply.source_changed)


@pytest.mark.parametrize("right", ["GRANT", "REVOKE"])
def test_a_row_of_a_new_partition_exactly_at_the_watermark_is_found(
    make_table: MakeTable, owner: psycopg2.extensions.connection, right: str
) -> None:
    """The cursor reads only what is greater, also where the parent alone is granted."""
    reader = make_table(COLUMNS, PARTED + ROWS)
    first = reader.sync("updated_at", margin_seconds=0)
    assert first.bound is not None and first.bound.watermark is not None
    part = f"{reader.spec.relation}_2"
    with owner.cursor() as cursor:
        cursor.execute(f"""
            CREATE TABLE {part} PARTITION OF {reader.spec.relation}
                FOR VALUES FROM (1000) TO (2000);
            {right} SELECT ON {part} {"TO" if right == "GRANT" else "FROM"} {READER};
            INSERT INTO {part} VALUES (1001, '{first.bound.watermark.value}')""")
    reply = reader.run(
        cursor=CursorSpec("updated_at", margin_seconds=0),
        window=Window(lower=first.bound.watermark, identity=first.identity),
    )
    assert reply.source_changed == (
        "A partition with rows behind the watermark was attached."
    )


def test_new_rows_without_a_cursor_are_no_sign(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """That the newest rows were deleted is ordinary; PostgreSQL sorts NULL first."""
    declared = "id bigint PRIMARY KEY, updated_at timestamptz"
    rows = """
        CREATE INDEX ON {table} (updated_at);
        INSERT INTO {table} SELECT i, now() - interval '2 hours' + i * interval '1 min'
        FROM generate_series(1, 20) AS i"""
    reader = make_table(declared, rows)
    first = reader.sync("updated_at", margin_seconds=0)
    assert first.bound is not None
    with owner.cursor() as cursor:
        cursor.execute(f"""
            DELETE FROM {reader.spec.relation} WHERE id > 10;
            INSERT INTO {reader.spec.relation} VALUES (99, NULL)""")
    reply = reader.run(
        cursor=CursorSpec("updated_at", margin_seconds=0),
        window=Window(lower=first.bound.watermark, identity=first.identity),
    )
    assert reply.source_changed == ""
    assert reader.ids(reply) == ["99"]


@pytest.mark.parametrize(
    ("column", "explained"),
    [
        ("note text", False),
        # A constant is kept in the catalog, and no row is written.
        ("note text DEFAULT 'none'", False),
        ("note text DEFAULT gen_random_uuid()::text", True),
        ("number int GENERATED ALWAYS AS IDENTITY", True),
    ],
)
def test_only_a_new_column_that_was_computed_for_each_row_explains_new_storage(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    column: str,
    explained: bool,
) -> None:
    """The defaults of the columns that were there before explain nothing."""
    reader = make_table(COLUMNS, ROWS)
    first = reader.sync("updated_at", margin_seconds=0)
    assert first.bound is not None
    name = reader.spec.relation
    with owner.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} ADD {column}; TRUNCATE {name}")
    reply = reader.run(
        cursor=CursorSpec("updated_at", margin_seconds=0),
        window=Window(lower=first.bound.watermark, identity=first.identity),
    )
    told = [warning.code for warning in reply.warnings]
    if explained:
        assert (reply.source_changed, told) == ("", ["table_rewritten"])
    else:
        words = "The table or a partition was truncated or rewritten."
        assert (reply.source_changed, told) == (words, [])


def test_a_new_column_that_is_gone_again_explains_no_new_storage(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """What the catalog tells no more is no excuse: then the table is read anew."""
    reader = make_table(COLUMNS, ROWS)
    name = reader.spec.relation
    with reader.database() as database, owner.cursor() as other:
        table = read_table(database, reader.spec)
        cursor = check_cursor(database, table, CursorSpec("updated_at"))
        known = read_identity(database, table, cursor, ("", 0))
        other.execute(f"ALTER TABLE {name} ADD n int GENERATED ALWAYS AS IDENTITY")
        table = read_table(database, reader.spec)
        found = read_identity(database, table, cursor, ("", 0))

        def change() -> tuple[str, list[str]]:
            sentence, warnings = find_change(
                database, table, cursor, known=known, now=found, watermark=None
            )
            return sentence, [warning.code for warning in warnings]

        assert change() == ("", ["table_rewritten"])
        other.execute(f"ALTER TABLE {name} DROP n")
        assert change() == ("The table or a partition was truncated or rewritten.", [])


def test_fingerprints_of_columns_stay_those_that_an_earlier_release_has_recorded(
    make_table: MakeTable,
) -> None:
    """Others would look like an ALTER TABLE, which explains away a TRUNCATE."""
    reader = make_table(COLUMNS, ROWS)
    identity = reader.sync("updated_at").identity
    assert identity is not None
    assert identity.columns == "e1260bfb8187a6a1"
    assert identity.types == "1:1e36,2:4def"
