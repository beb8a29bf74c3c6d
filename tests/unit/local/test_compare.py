"""The comparison sees what differs: real PostgreSQL, a scripted Snowflake."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg2
import pytest

from local.aurora import start_aurora
from local.compare import Comparison, compare_table

UTC = datetime.UTC
COLUMNS = {
    "id": "bigint PRIMARY KEY",
    "amount": "numeric(12,2)",
    "ratio": "double precision",
    "flag": "boolean",
    "note": "text",
    "code": "uuid",
    "raw": "bytea",
    "day": "date",
    "at": "timestamptz",
    "local_at": "timestamp",
    "clock": "time",
    "doc": "jsonb",
    "tags": "text[]",
}
SOURCE_ROW = """
    (1, 10.50, 0.1, true, '', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff',
     '2024-02-29', '2024-02-29 12:00:00.5+02', '2024-02-29 12:00:00', '23:59:59.000001',
     '{"b": 1.50, "a": null}', ARRAY['x', NULL])
"""
TARGET_ROW: dict[str, Any] = {
    "ID": 1,
    "AMOUNT": Decimal("10.5"),
    "RATIO": 0.1,
    "FLAG": True,
    "NOTE": "",
    "CODE": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "RAW": b"\x00\xff",
    "DAY": datetime.date(2024, 2, 29),
    "AT": datetime.datetime(2024, 2, 29, 10, 0, 0, 500000, tzinfo=UTC),
    "LOCAL_AT": datetime.datetime(2024, 2, 29, 12, 0),
    "CLOCK": datetime.time(23, 59, 59, 1),
    "DOC": '{\n  "a": null,\n  "b": 1.5\n}',
    "TAGS": '["x", null]',
}


class Target:
    """A Snowflake connection that holds one table's rows in key order."""

    def __init__(self, *rows: dict[str, Any], columns: list[str] | None = None) -> None:
        self.rows = list(rows)
        self.columns = list(rows[0]) if columns is None else columns
        self.pending: list[tuple[Any, ...]] = []

    def cursor(self) -> "Target":
        return self

    def __enter__(self) -> "Target":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def execute(self, text: str) -> None:
        if text.startswith("DESCRIBE"):
            self.pending = [(name,) for name in self.columns]
        else:
            names = text.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
            self.pending = [tuple(r[n.strip('"')] for n in names) for r in self.rows]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self.pending))

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    aurora = start_aurora(tmp_path_factory.mktemp("aurora"))
    connection = psycopg2.connect(aurora.dsn())
    yield connection
    connection.close()
    aurora.stop()


@pytest.fixture
def table(source: Any) -> Iterator[Any]:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with source, source.cursor() as cursor:
        cursor.execute(f"CREATE TABLE t ({columns})")
        cursor.execute(f"INSERT INTO t VALUES {SOURCE_ROW}")
    yield source
    with source, source.cursor() as cursor:
        cursor.execute("DROP TABLE t")


def compare(source: Any, target: Target, **options: Any) -> Comparison:
    return compare_table(
        source=source,
        target=target,
        source_table=("public", "t"),
        target_table="SHOP.T",
        **options,
    )


def test_the_same_values_of_every_family_are_equal(table: Any) -> None:
    comparison = compare(table, Target(TARGET_ROW))
    assert comparison.equal, comparison.explain()
    assert (comparison.source_rows, comparison.target_rows) == (1, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("AMOUNT", Decimal("10.51")),
        ("RATIO", 0.10000000000000002),
        ("FLAG", None),
        ("NOTE", None),
        ("NOTE", " "),
        ("CODE", "A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("RAW", b"\x00"),
        ("DAY", datetime.date(2024, 3, 1)),
        ("AT", datetime.datetime(2024, 2, 29, 10, 0, 0, 500001, tzinfo=UTC)),
        ("LOCAL_AT", datetime.datetime(2024, 2, 29, 12, 0, 1)),
        ("CLOCK", datetime.time(23, 59, 59)),
        ("DOC", '{"b": 1.5}'),
        ("DOC", '{"a": null, "b": "1.5"}'),
        ("TAGS", '["x", ""]'),
    ],
)
def test_one_changed_value_names_its_column(
    table: Any, column: str, value: Any
) -> None:
    comparison = compare(table, Target({**TARGET_ROW, column: value}))
    (difference,) = comparison.differences
    assert difference.kind == "different"
    assert difference.columns == (column.lower(),)
    assert "id=1" in comparison.explain()


def test_rows_of_one_side_only_are_named(table: Any) -> None:
    comparison = compare(table, Target({**TARGET_ROW, "ID": 2}))
    assert [(d.key, d.kind) for d in comparison.differences] == [
        ("id=1", "missing in target"),
        ("id=2", "only in target"),
    ]
    assert comparison.differing_rows == 2


def test_a_row_twice_in_the_target_is_noticed(table: Any) -> None:
    comparison = compare(table, Target(TARGET_ROW, TARGET_ROW))
    assert [d.kind for d in comparison.differences] == ["only in target"]


def test_a_missing_column_is_a_difference(table: Any) -> None:
    row = {name: value for name, value in TARGET_ROW.items() if name != "NOTE"}
    comparison = compare(table, Target(row))
    assert comparison.missing_columns == ("note",)
    assert not comparison.equal
    assert compare(table, Target(row), exclude=["note"]).equal


def test_values_without_a_place_in_snowflake_count_as_null(table: Any) -> None:
    with table, table.cursor() as cursor:
        cursor.execute(
            "UPDATE t SET amount = 'NaN', day = 'infinity', at = '-infinity',"
            " local_at = '0044-03-15 00:00 BC', clock = '24:00'"
        )
    nulls = dict.fromkeys(("AMOUNT", "DAY", "AT", "LOCAL_AT", "CLOCK"))
    assert compare(table, Target(TARGET_ROW | nulls)).equal


def test_text_keys_are_merged_in_the_order_of_their_bytes(source: Any) -> None:
    keys = ["Z", "a", "ä", "z", "é", "😀", "B"]
    with source, source.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE k (id text PRIMARY KEY)")
        cursor.executemany("INSERT INTO k VALUES (%s)", [[key] for key in keys])
    rows = [{"ID": key} for key in sorted(keys, key=str.encode)]
    comparison = compare_table(
        source=source,
        target=Target(*rows),
        source_table=("pg_temp", "k"),
        target_table="K",
    )
    assert comparison.equal, comparison.explain()


def test_a_table_without_a_key_is_compared_as_a_set(source: Any) -> None:
    with source, source.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE n (v int)")
        cursor.execute("INSERT INTO n VALUES (1), (1), (NULL)")
    options: dict[str, Any] = {
        "source": source,
        "source_table": ("pg_temp", "n"),
        "target_table": "N",
    }
    same = Target({"V": 1}, {"V": None}, {"V": 1})
    assert compare_table(target=same, **options).equal
    once = compare_table(target=Target({"V": 1}, {"V": None}), **options)
    assert [d.kind for d in once.differences] == ["missing in target"]
