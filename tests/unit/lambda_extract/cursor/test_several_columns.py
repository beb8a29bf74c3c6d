"""A cursor of several columns: of each row the greatest that is not NULL."""

import psycopg2.extensions
import pytest

from lambda_extract.contract import (
    ColumnSpec,
    CursorSpec,
    CursorValue,
    DigestRequest,
    Limits,
    Partition,
    Window,
)
from lambda_extract.cursor.column import index_text
from lambda_extract.errors import ExtractError
from lambda_extract.operations.digest import digest
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

TIMES = "id bigint PRIMARY KEY, modified_at timestamptz, created_at timestamptz"
BOTH = CursorSpec("modified_at", also=("created_at",), margin_seconds=0)
INDEX = "CREATE INDEX ON {table} (GREATEST(modified_at, created_at));"
# Each kind of row: both values, either of them, the older one first, none.
ROWS = """
    INSERT INTO {table} VALUES
        (1, '2026-01-05', '2026-01-01'), (2, NULL, '2026-01-02'),
        (3, '2026-01-03', NULL), (4, '2026-01-01', '2026-01-04');
"""


def read(reader: Reader, spec: CursorSpec, lower: str | None = None) -> list[str]:
    value = CursorValue(lower, "timestamp with time zone") if lower else None
    return reader.ids(reader.run(cursor=spec, window=Window(lower=value)))


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        (None, ["1", "2", "3", "4"]),
        ("2026-01-02 00:00:00+00", ["1", "3", "4"]),
        ("2026-01-03 00:00:00+00", ["1", "4"]),
        ("2026-01-04 00:00:00+00", ["1"]),
        ("2026-01-05 00:00:00+00", []),
    ],
)
def test_the_greatest_value_that_is_not_null_counts(
    make_table: MakeTable, lower: str | None, expected: list[str]
) -> None:
    reader = make_table(TIMES, INDEX + ROWS)
    assert read(reader, BOTH, lower) == expected
    # The order of the columns says nothing about their rank.
    turned = CursorSpec("created_at", also=("modified_at",), margin_seconds=0)
    assert read(reader, turned, lower) == expected


def test_the_watermark_and_the_end_of_a_window_are_greatest_values(
    make_table: MakeTable,
) -> None:
    reader = make_table(TIMES, INDEX + ROWS)
    window, seen = Window(), []
    while True:
        reply = reader.run(cursor=BOTH, window=window, limits=Limits(chunk_rows=1))
        assert reply.position is not None and reply.bound.watermark == reply.position
        seen.append((reader.ids(reply), reply.position.value[:10]))
        assert not reply.warnings
        if reply.complete:
            break
        window = Window(lower=reply.position, first=False)
    assert seen == [
        (["2"], "2026-01-02"),
        (["3"], "2026-01-03"),
        (["4"], "2026-01-04"),
        (["1"], "2026-01-05"),
    ]


def test_an_idle_sync_sends_nothing_and_a_change_of_either_column_is_seen(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(TIMES, INDEX + ROWS)
    spec = {"also": ("created_at",), "margin_seconds": 3600}
    first = reader.sync("modified_at", **spec)
    assert first.rows == 4 and not first.unchanged
    idle = reader.sync("modified_at", first.bound, **spec)
    assert idle.unchanged and idle.rows == 0
    with owner.cursor() as cursor:
        table = reader.spec.relation
        cursor.execute(f"UPDATE {table} SET created_at = now() WHERE id = 2")
        cursor.execute(f"UPDATE {table} SET modified_at = now() WHERE id = 4")
    changed = reader.sync("modified_at", idle.bound, **spec)
    assert set(reader.ids(changed)) >= {"2", "4"}


def test_only_a_row_without_any_value_has_no_cursor(make_table: MakeTable) -> None:
    reader = make_table(TIMES, INDEX + ROWS + "INSERT INTO {table} VALUES (5);")
    reply = reader.run(cursor=BOTH, window=Window())
    assert reply.null_cursor_rows == 1 and "5" in reader.ids(reply)
    fails = CursorSpec("modified_at", also=("created_at",), null_policy="fail")
    with pytest.raises(ExtractError) as caught:
        reader.run(cursor=fails, window=Window())
    assert caught.value.code == "null_cursor"
    assert "'modified_at' or 'created_at'" in caught.value.message


def test_one_column_that_is_never_null_is_enough_to_count_none(
    make_table: MakeTable,
) -> None:
    declared = TIMES.replace(
        "created_at timestamptz", "created_at timestamptz NOT NULL"
    )
    reader = make_table(
        declared, INDEX + "INSERT INTO {table} VALUES (1, NULL, now());"
    )
    reply = reader.run(cursor=BOTH, window=Window())
    assert (reply.rows, reply.null_cursor_rows) == (1, 0)
    # None can be there, so a later window, which counts none, knows that as well.
    later = reader.run(cursor=BOTH, window=Window(lower=reply.position, first=False))
    assert (later.rows, later.null_cursor_rows) == (0, 0)
    assert later.bound is not None and later.bound.overlap is not None


@pytest.mark.parametrize(
    ("columns", "index", "names", "serves"),
    [
        (
            TIMES,
            "(GREATEST(modified_at, created_at))",
            ("modified_at", "created_at"),
            1,
        ),
        (
            TIMES,
            "(GREATEST(modified_at, created_at), id)",
            ("modified_at", "created_at"),
            1,
        ),
        (
            TIMES,
            "(GREATEST(created_at, modified_at))",
            ("modified_at", "created_at"),
            0,
        ),
        (TIMES, "(modified_at, created_at)", ("modified_at", "created_at"), 0),
        (
            TIMES,
            "(id, GREATEST(modified_at, created_at))",
            ("modified_at", "created_at"),
            0,
        ),
        (TIMES, "(LEAST(modified_at, created_at))", ("modified_at", "created_at"), 0),
        (
            TIMES,
            "(GREATEST(modified_at, created_at)) WHERE id > 5",
            ("modified_at", "created_at"),
            0,
        ),
        (
            'id bigint PRIMARY KEY, "B ""x" date, c date, "order" date',
            '(GREATEST("B ""x", c, "order"))',
            ('B "x', "c", "order"),
            1,
        ),
        (
            "id bigint PRIMARY KEY, a smallint, b bigint, c int",
            "(GREATEST(a, b, c))",
            ("a", "b", "c"),
            1,
        ),
        (
            "id bigint PRIMARY KEY, a timestamp(3), b timestamp(6), c timestamp",
            "(GREATEST(a, b, c))",
            ("a", "b", "c"),
            1,
        ),
    ],
)
def test_an_index_over_the_expression_serves_or_a_warning_shows_the_one_to_make(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    columns: str,
    index: str,
    names: tuple[str, ...],
    serves: bool,
) -> None:
    reader = make_table(columns, f"CREATE INDEX ON {{table}} {index};")
    spec = CursorSpec(names[0], also=names[1:], time_zone="UTC")
    (*warnings,) = reader.run(cursor=spec, window=Window()).warnings
    assert [w.code for w in warnings] == ([] if serves else ["cursor_not_indexed"])
    if warnings:
        with owner.cursor() as cursor:
            cursor.execute(warnings[0].hint)
        assert not reader.run(cursor=spec, window=Window()).warnings
    assert index_text(reader.spec, spec).count("GREATEST") == 1


def test_the_planner_uses_the_index_that_was_found(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(
        "id bigint PRIMARY KEY, a smallint, b bigint",
        "CREATE INDEX ON {table} (GREATEST(a, b));"
        "INSERT INTO {table} SELECT i, NULL, i FROM generate_series(1, 5000) AS i;"
        "ANALYZE {table};",
    )
    table = reader.spec.relation
    for query in (
        f"SELECT 1 FROM {table} WHERE GREATEST(a, b) > '4990'::bigint",
        f"SELECT max(GREATEST(a, b)) FROM {table}",
        f"SELECT 1 FROM {table} AS t ORDER BY GREATEST(t.a, t.b) OFFSET 9 LIMIT 1",
    ):
        with owner.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query}")
            assert "_greatest_idx" in str(cursor.fetchall()), query


@pytest.mark.parametrize(
    ("columns", "code", "told"),
    [
        ("a timestamptz, b timestamp", "cursor_type_unsupported", "several kinds"),
        ("a timestamptz, b date", "cursor_type_unsupported", "several kinds"),
        ("a timestamptz, b bigint", "cursor_type_unsupported", "several kinds"),
        ("a bigint, b numeric(20,0)", "cursor_type_unsupported", "several kinds"),
        ("a timestamptz, b text", "cursor_type_unsupported", "'b'"),
        ("a timestamptz, c text", "cursor_not_found", "'b'"),
        ("b timestamptz, c text", "cursor_not_found", "'a'"),
        ("a serial, b serial", "cursor_type_unsupported", "different sequences"),
        (
            "a serial, b bigint GENERATED ALWAYS AS IDENTITY (CACHE 7)",
            "sequence_cache",
            "'b'",
        ),
        ("a date, b date", "time_zone_missing", "'a' or 'b'"),
    ],
)
def test_columns_that_are_no_cursor_together_are_refused_by_name(
    make_table: MakeTable, columns: str, code: str, told: str
) -> None:
    reader = make_table(f"id bigint PRIMARY KEY, {columns}")
    with pytest.raises(ExtractError) as caught:
        reader.run(cursor=CursorSpec("a", also=("b",)), window=Window())
    assert caught.value.code == code and told in caught.value.message


@pytest.mark.parametrize("protected", ["modified_at", "created_at"])
def test_none_of_them_may_be_protected(make_table: MakeTable, protected: str) -> None:
    masked = (ColumnSpec(protected, protect="mask"),)
    reader = make_table(TIMES, ROWS, columns=masked)
    with pytest.raises(ExtractError) as caught:
        reader.run(cursor=BOTH, window=Window())
    assert caught.value.code == "protection_required"
    assert repr(protected) in caught.value.message


def test_integers_of_one_sequence_are_one_cursor(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table("id serial PRIMARY KEY, made bigint, changed bigint")
    table = reader.spec.relation
    with owner.cursor() as cursor:
        for name in ("made", "changed"):
            cursor.execute(
                f"ALTER TABLE {table} ALTER {name}"
                f" SET DEFAULT nextval('{table}_id_seq')"
            )
        cursor.execute(f"GRANT SELECT ON SEQUENCE {table}_id_seq TO {READER}")
        cursor.execute(f"INSERT INTO {table} (changed) VALUES (NULL), (NULL)")
    first = reader.sync("made", also=("changed",))
    assert first.rows == 2 and first.bound.watermark is not None
    assert first.identity is not None
    assert first.identity.sequence == int(first.bound.watermark.value)
    with owner.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET changed = nextval('{table}_id_seq') WHERE id = 1"
        )
    assert reader.ids(reader.sync("made", first.bound, also=("changed",))) == ["1"]


def test_the_watermark_keeps_clear_of_the_column_with_the_fewest_digits(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """timestamp(0) rounds, by up to half a second before the transaction's start."""
    reader = make_table(
        "id bigint PRIMARY KEY, a timestamp, b timestamp(0)",
        "INSERT INTO {table} VALUES (1, now() + interval '1 hour', NULL);",
    )
    spec = {"also": ("b",), "time_zone": "UTC", "margin_seconds": 0}
    reply = reader.sync("a", **spec)
    assert reply.bound.watermark is not None
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT %s::timestamptz AT TIME ZONE 'UTC' - %s::timestamp"
            " >= interval '1 second'",
            (reply.extracted_at, reply.bound.watermark.value),
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("chunk_rows", [1000, 10])
def test_a_range_of_the_greatest_is_split_and_read_once(
    make_table: MakeTable, chunk_rows: int
) -> None:
    reader = make_table(
        "id bigint PRIMARY KEY, a smallint, b bigint",
        "CREATE INDEX ON {table} (GREATEST(a, b));"
        "INSERT INTO {table} SELECT i, CASE i % 2 WHEN 0 THEN i END,"
        " CASE WHEN i % 4 > 0 THEN 100000 + i END FROM generate_series(1, 400) AS i;"
        "INSERT INTO {table} VALUES (401, NULL, NULL); ANALYZE {table};",
    )
    # Rows with i % 4 = 0 have their smallint alone; the bound is none of its values.
    whole = Partition("r", ("a", "b"), ("4",), ("100301",), greatest=True)
    parts = reader.plan(
        partition=whole, limits=Limits(chunk_rows=chunk_rows)
    ).partitions
    assert (len(parts) > 1) == (chunk_rows == 10)
    assert all(part.greatest for part in parts)
    found = [i for part in parts for i in reader.ids(reader.run(partition=part))]
    expected = [i for i in range(1, 401) if i % 4 == 0 or i <= 300]
    assert sorted(map(int, found)) == expected


def test_a_digest_up_to_a_cursor_leaves_out_what_is_greater(
    make_table: MakeTable,
) -> None:
    reader = make_table(TIMES, ROWS + "INSERT INTO {table} VALUES (5);")
    request = DigestRequest(
        "r1",
        reader.spec,
        Partition("whole"),
        columns=("id",),
        key=("id",),
        step="newest",
        cursor=BOTH,
    )
    with reader.database() as database:
        newest = digest(database, request).newest
    assert newest is not None and newest.value.startswith("2026-01-05")
    upto = CursorValue("2026-01-03", newest.type)
    bounded = DigestRequest(
        "r1",
        reader.spec,
        Partition("whole"),
        columns=("id",),
        key=("id",),
        step="rows",
        cursor=BOTH,
        upto=upto,
    )
    with reader.database() as database:
        reply = digest(database, bounded)
    assert (len(reply.digests), len(reply.beyond)) == (3, 2)


def test_a_plan_takes_its_bound_from_the_greatest(make_table: MakeTable) -> None:
    plan = make_table(TIMES, INDEX + ROWS).plan(cursor=BOTH)
    assert plan.bound is not None and plan.bound.watermark is not None
    assert plan.bound.watermark.value.startswith("2026-01-05")


def test_a_partition_attached_with_older_rows_is_found(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(TIMES)
    table = reader.spec.relation
    with owner.cursor() as cursor:
        cursor.execute(f"DROP TABLE {table}")
        cursor.execute(
            f"CREATE TABLE {table} ({TIMES}) PARTITION BY RANGE (id);"
            f"CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES FROM (0) TO (10);"
            f"INSERT INTO {table} VALUES (1, now(), NULL)"
        )
    first = reader.sync("modified_at", also=("created_at",), margin_seconds=0)
    with owner.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {table}_2 (LIKE {table} INCLUDING ALL);"
            f"INSERT INTO {table}_2 VALUES (11, NULL, '2020-01-01');"
            f"ALTER TABLE {table} ATTACH PARTITION {table}_2"
            " FOR VALUES FROM (10) TO (20)"
        )
    window = Window(lower=first.bound.watermark, identity=first.identity)
    reply = reader.run(cursor=BOTH, window=window)
    assert "attached" in reply.source_changed
