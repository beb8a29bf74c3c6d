"""A plan compares the newest cursor value with PostgreSQL's clock (C7)."""

import contextlib

import psycopg2.extensions
import pytest

from lambda_extract.contract import CursorSpec
from local.aurora import Aurora

from tests.unit.lambda_extract.conftest import MakeTable

NEW_YORK = "(now() AT TIME ZONE 'America/New_York')"
UTC = "(now() AT TIME ZONE 'UTC')"


def codes(
    make_table: MakeTable, kind: str, value: str, zone: str = "UTC", writer: str = ""
) -> list[str]:
    reader = make_table(
        f"id int PRIMARY KEY, at {kind}",
        "CREATE INDEX ON {table} (at);"
        f"INSERT INTO {{table}} VALUES (1, '2001-01-01'), (2, {value}), (3, NULL)",
    )
    with contextlib.ExitStack() as stack:
        if writer:
            other: psycopg2.extensions.connection = stack.enter_context(
                contextlib.closing(reader.aurora.connect("shop"))
            )
            cursor = other.cursor()
            cursor.execute("BEGIN")
            cursor.execute(writer.format(table=reader.spec.relation))
        reply = reader.plan(cursor=CursorSpec("at", time_zone=zone))
    return [warning.code for warning in reply.warnings]


@pytest.mark.parametrize(
    ("kind", "value", "zone"),
    [
        ("timestamptz", "now() + interval '2 hours'", ""),
        ("timestamp(0)", f"{UTC} + interval '3 hours'", "UTC"),
        ("timestamp", UTC, "America/New_York"),
        ("timestamp", "'infinity'", "UTC"),
        ("date", "'9999-12-31'", "UTC"),
        ("date", "current_date + 3", "Europe/Berlin"),
    ],
)
def test_values_of_the_future_are_told(
    make_table: MakeTable, kind: str, value: str, zone: str
) -> None:
    assert codes(make_table, kind, value, zone) == ["cursor_ahead_of_clock"]


@pytest.mark.parametrize(
    ("kind", "value", "zone"),
    [
        ("timestamptz", "now()", ""),
        ("timestamptz", "now() - interval '5 hours'", ""),
        ("timestamp", NEW_YORK, "America/New_York"),
        ("timestamp", f"{UTC} - interval '1 year'", "UTC"),
        ("date", "(now() AT TIME ZONE 'Asia/Tokyo')::date", "Asia/Tokyo"),
        ("date", "current_date - 1", "UTC"),
        ("int", "2000000000", ""),
    ],
)
def test_values_that_fit_the_clock_are_not_told(
    make_table: MakeTable, kind: str, value: str, zone: str
) -> None:
    if kind == "int":
        reader = make_table(
            "id int PRIMARY KEY", f"INSERT INTO {{table}} VALUES ({value})"
        )
        assert not reader.plan(cursor=CursorSpec("id")).warnings
    else:
        writer = "UPDATE {table} SET id = 4 WHERE id = 1"
        assert codes(make_table, kind, value, zone, writer) == []


@pytest.mark.parametrize("writer", ["UPDATE {table} SET id = id + 10", ""])
def test_hours_behind_are_told_while_the_table_is_written(
    make_table: MakeTable, aurora: Aurora, writer: str
) -> None:
    """The application writes New York's time; the source says UTC."""
    told = codes(make_table, "timestamp", NEW_YORK, "UTC", writer)
    assert told == (["cursor_behind_clock"] if writer else [])
