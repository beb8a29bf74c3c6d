"""Parts of a snapshot: together they hold every row exactly once."""

import dataclasses
import re
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.contract import Limits, Partition, PlanReply
from lambda_extract.errors import ExtractError
from lambda_extract.rows.parts import Size, choose_bounds, plan_partitions, split
from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import Database
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

FILL = "INSERT INTO {table} SELECT {value} FROM generate_series(1, 20000) AS i;"
ANALYZE = "ANALYZE {table};"


def plan_of(reader: Reader, chunk_rows: int = 2000) -> PlanReply:
    return reader.plan(limits=Limits(chunk_rows=chunk_rows))


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ("id bigint PRIMARY KEY", "i"),
        ("id int PRIMARY KEY", "-i"),
        ("id text PRIMARY KEY", "'Ä' || i || '\\N''\"'"),
        ('id text COLLATE "C" PRIMARY KEY', "'k' || i"),
        ("id char(8) PRIMARY KEY", "i::text"),
        ("id uuid PRIMARY KEY", "md5(i::text)::uuid"),
        ("id timestamptz PRIMARY KEY", "now() - i * interval '1 hour'"),
        ("id numeric PRIMARY KEY", "i / 3.0"),
        ("id bytea PRIMARY KEY", "decode(md5(i::text), 'hex')"),
        ("id int, b text, PRIMARY KEY (b, id)", "i % 7, 'b' || i % 100 || '-' || i"),
        ("id int, b int, v text, PRIMARY KEY (id, b)", "i % 3, i, 'x'"),
    ],
)
def test_every_row_is_in_exactly_one_part(
    make_table: MakeTable, columns: str, value: str
) -> None:
    reader = make_table(columns, FILL.replace("{value}", value) + ANALYZE)
    plan = plan_of(reader)
    assert len(plan.partitions) > 5
    lines: list[bytes] = []
    for partition in plan.partitions:
        reply = reader.run(partition=partition)
        lines += reader.lines(reply).splitlines()
        assert reply.rows < 10_000, "a part far too large"
    assert len(lines) == len(set(lines)) == 20_000


def test_parts_of_a_partitioned_table(make_table: MakeTable) -> None:
    reader = make_table(
        "id int, day date, PRIMARY KEY (id, day)",
        "DROP TABLE {table}; CREATE TABLE {table} (id int, day date,"
        " PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
        "CREATE TABLE {table}_1 PARTITION OF {table}"
        " FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');"
        "CREATE TABLE {table}_2 PARTITION OF {table} DEFAULT;"
        "INSERT INTO {table} SELECT i, date '2026-01-01' + i % 60"
        " FROM generate_series(1, 20000) AS i; ANALYZE {table}",
    )
    plan = plan_of(reader)
    assert len(plan.partitions) > 5
    assert sum(reader.run(partition=part).rows for part in plan.partitions) == 20_000


@pytest.mark.parametrize(
    "columns",
    ["id int", "id int UNIQUE"],
)
def test_without_a_key_there_is_one_part(make_table: MakeTable, columns: str) -> None:
    reader = make_table(columns, FILL.replace("{value}", "i") + ANALYZE)
    plan = plan_of(reader)
    assert (len(plan.partitions), plan.key) == (1, ())
    assert reader.run(partition=plan.partitions[0]).rows == 20_000


def test_a_configured_key_that_may_be_null_is_not_split(make_table: MakeTable) -> None:
    reader = make_table(
        "id int UNIQUE",
        FILL.replace("{value}", "i") + "INSERT INTO {table} VALUES (NULL);" + ANALYZE,
        key=("id",),
    )
    plan = plan_of(reader)
    assert len(plan.partitions) == 1
    assert reader.run(partition=plan.partitions[0]).rows == 20_001


def test_a_small_table_is_one_part(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    (partition,) = plan_of(reader).partitions
    assert (partition.part, partition.columns) == ("00000", ())


@pytest.mark.parametrize(
    "fill", ["", "INSERT INTO {table} VALUES (1); DELETE FROM {table};"]
)
@pytest.mark.parametrize("maintain", ["", "ANALYZE {table};", "VACUUM {table};"])
def test_an_empty_table_is_one_part_whatever_its_statistics(
    make_table: MakeTable,
    owner: psycopg2.extensions.connection,
    fill: str,
    maintain: str,
) -> None:
    """An analyzed empty table has 0 pages, by which its rows must not be divided."""
    reader = make_table("id int PRIMARY KEY", fill)
    if maintain:
        with owner.cursor() as cursor:
            cursor.execute(maintain.replace("{table}", reader.spec.relation))
    plan = plan_of(reader)
    assert len(plan.partitions) == 1
    assert reader.run(partition=plan.partitions[0]).rows == 0


def test_a_part_of_another_table_is_refused(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY")
    for partition in (
        Partition("00000", columns=("other",), lower=("1",)),
        Partition("00000", columns=("id",), lower=("1", "2")),
    ):
        with pytest.raises(ExtractError) as refused:
            reader.run(partition=partition)
        assert refused.value.code == "bad_request"


def test_bounds_are_spread_evenly_and_differ() -> None:
    sample = [(str(i),) for i in range(100)]
    assert choose_bounds(sample, 4) == [("25",), ("50",), ("75",)]
    assert choose_bounds([("a",)] * 90 + [("b",)] * 10, 10) == [("a",), ("b",)]
    assert choose_bounds([], 4) == []
    # Equal keys of different texts come in any order.
    equal = [("1.0",), ("1.00",), ("1.0",), ("1.00",)]
    assert choose_bounds(equal, 4) == [("1.00",), ("1.0",)]


def test_ranges_touch_and_keep_the_ends_of_the_whole() -> None:
    open_ended = Partition("00000", columns=("id",))
    first, middle, last = split(open_ended, [("1",), ("2",)], 300)
    assert (first.lower, first.upper) == (None, ("1",))
    assert (middle.lower, middle.upper) == (("1",), ("2",))
    assert (last.lower, last.upper, last.estimated_rows) == (("2",), None, 100)
    closed = Partition("00000", columns=("id",), lower=("0",), upper=("9",))
    first, last = split(closed, [("5",)], -1)
    assert (first.lower, first.upper, last.lower) == (("0",), ("5",), ("5",))
    assert last.upper == ("9",)
    assert split(closed, [], 300) == (
        Partition("00000", ("id",), ("0",), ("9",), estimated_rows=300),
    )


@pytest.mark.parametrize(
    ("lower", "upper", "rows"),
    [
        ("2026-01-05", "2026-01-20", 15_000 * 0.9),
        ("2026-01-05", None, 18_000 * 0.9),
        (None, "2026-01-03", 2_000 * 0.9),
        ("2027-01-01", None, 0),
    ],
)
def test_a_range_of_a_cursor_is_split_like_a_table(
    make_table: MakeTable, lower: str | None, upper: str | None, rows: int
) -> None:
    reader = make_table(
        "id int PRIMARY KEY, seen date",
        "INSERT INTO {table} SELECT i, CASE WHEN i % 10 > 0 THEN date '2026-01-01'"
        " + i / 1000 END FROM generate_series(0, 21999) AS i;"
        "CREATE INDEX ON {table} (seen); ANALYZE {table};",
    )
    whole = Partition(
        "range",
        columns=("seen",),
        lower=None if lower is None else (lower,),
        upper=None if upper is None else (upper,),
    )
    plan = reader.plan(limits=Limits(chunk_rows=2_000), partition=whole)
    assert sum(reader.run(partition=part).rows for part in plan.partitions) == rows
    assert rows / 4_000 <= len(plan.partitions) <= max(1, rows / 1_000)


def test_a_range_without_an_index_is_one_part(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, seen int",
        "INSERT INTO {table} SELECT i, i FROM generate_series(1, 20000) AS i;"
        "ANALYZE {table}",
    )
    whole = Partition("range", columns=("seen",), lower=("5",), upper=("19005",))
    plan = reader.plan(limits=Limits(chunk_rows=2_000), partition=whole)
    assert plan.partitions == (whole,)


def test_a_relation_without_storage_is_of_unknown_size(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """Unknown, not empty: a view may hold any number of rows."""
    reader = make_table("id int PRIMARY KEY", FILL.replace("{value}", "i") + ANALYZE)
    view = f"{reader.spec.relation}_v"
    with owner.cursor() as cursor:
        cursor.execute(
            f"CREATE VIEW {view} AS TABLE {reader.spec.relation};"
            f"GRANT SELECT ON {view} TO {READER}"
        )
    reader.spec = dataclasses.replace(reader.spec, relation=view)
    plan = plan_of(reader)
    assert plan.partitions == (Partition("00000", estimated_rows=-1),)
    assert (plan.estimated_rows, plan.estimated_bytes) == (-1, -1)


@pytest.mark.parametrize(
    ("rows", "parts", "percent"),
    [
        (20_000, 10, 100.0),
        (50_000, 10, 100.0),
        (1_000_000, 10, 5.0),
        # 3,000 rows for each part, if they are many.
        (1_000_000, 100, 30.0),
    ],
)
def test_of_a_large_table_some_blocks_are_read_to_find_the_bounds(
    make_table: MakeTable,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    parts: int,
    percent: float,
) -> None:
    reader = make_table("id int PRIMARY KEY", FILL.replace("{value}", "i") + ANALYZE)
    limits = Limits(chunk_rows=rows // parts)
    sampled: list[float] = []
    ask = Database.rows

    def asked(self: Database, statement: sql.Composable) -> list[tuple[Any, ...]]:
        assert isinstance(statement, sql.Composed)
        text = statement.as_string(self._connection)
        sampled.extend(
            float(found) for found in re.findall(r"SYSTEM \(([0-9.]+)\)", text)
        )
        return ask(self, statement)

    with reader.database() as database:
        table = read_table(database, reader.spec)
        monkeypatch.setattr(Database, "rows", asked)
        plan_partitions(database, table, Size(rows, 1, rows), limits)
    assert sampled == [percent]


def test_the_greatest_of_one_column_is_this_column(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, n int",
        "INSERT INTO {table} VALUES (1, 4), (2, 7), (3, 8), (4, 3)",
    )
    part = Partition("p", columns=("n",), lower=("4",), upper=("8",), greatest=True)
    assert reader.ids(reader.run(partition=part)) == ["1", "2"]
