"""A plan compares the newest cursor value with PostgreSQL's clock (C7)."""

import contextlib
import re
from types import SimpleNamespace
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract.contract import CursorSpec, Warning
from lambda_extract.cursor.clock import check_clock
from lambda_extract.cursor.column import DATE, INSTANT, LOCAL, Cursor
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
        ("timestamp", "'294276-12-31 23:59:59.999999'", "UTC"),
        ("timestamptz", "'294276-12-31 23:59:59.999999+00'", ""),
        ("date", "'9999-12-31'", "UTC"),
        ("date", "'294277-01-01'", "America/New_York"),
        ("date", "'5874897-12-31'", "UTC"),
        ("date", "'infinity'", "UTC"),
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


def test_who_only_reads_the_table_does_not_write_it(make_table: MakeTable) -> None:
    reads = "SELECT id FROM {table}"
    assert codes(make_table, "timestamp", NEW_YORK, "UTC", reads) == []


def test_who_writes_another_table_does_not_write_this_one(
    make_table: MakeTable,
) -> None:
    other = make_table("id int").spec.relation
    writes = f"INSERT INTO {other} VALUES (1)"
    assert codes(make_table, "timestamp", NEW_YORK, "UTC", writes) == []


@pytest.mark.parametrize("family", [INSTANT, LOCAL])
def test_the_distance_is_told_to_the_hour_also_on_the_last_day_that_there_is(
    make_table: MakeTable, family: str
) -> None:
    """Only of a date is the time of day none of the value."""
    reader = make_table("id int PRIMARY KEY")
    table: Any = SimpleNamespace(oid=7, spec=reader.spec)
    hours = []
    with reader.database() as database:
        for time in ("00:00:00", "18:00:00"):
            newest = f"294276-12-31 {time}" + "+00" * (family == INSTANT)
            (warning,) = check_clock(database, table, at(family), newest)
            (told,) = re.findall(r"lies ([0-9.]+) hours ahead", warning.message)
            hours.append(float(told))
    # The clock went on for a moment between the two.
    assert hours[1] - hours[0] == pytest.approx(18.0, abs=0.2)


def test_an_empty_table_fits_the_clock(make_table: MakeTable) -> None:
    reader = make_table(
        "id int PRIMARY KEY, at timestamptz", "CREATE INDEX ON {table} (at)"
    )
    assert reader.plan(cursor=CursorSpec("at")).warnings == ()


# A relation that has the same number in each database of a server.
EVERYWHERE = "information_schema.sql_features"


@pytest.mark.parametrize(
    ("dbname", "told"), [("postgres", []), ("shop", ["cursor_behind_clock"])]
)
def test_writing_a_table_of_the_same_number_in_another_database_is_not_writing_it(
    make_table: MakeTable, aurora: Aurora, dbname: str, told: list[str]
) -> None:
    reader = make_table("id int PRIMARY KEY")
    with (
        contextlib.closing(aurora.connect("shop")) as shop,
        contextlib.closing(aurora.connect(dbname)) as other,
        reader.database() as database,
    ):
        asks, writes = shop.cursor(), other.cursor()
        asks.execute(
            f"SELECT '{EVERYWHERE}'::regclass::oid::bigint,"
            " (now() AT TIME ZONE 'Asia/Tokyo' - interval '4 hours')::text"
        )
        (found,) = asks.fetchall()
        table: Any = SimpleNamespace(oid=found[0], spec=reader.spec)
        writes.execute(f"BEGIN; LOCK TABLE {EVERYWHERE} IN ROW EXCLUSIVE MODE")
        warnings = check_clock(database, table, at(LOCAL), found[1])
    assert [warning.code for warning in warnings] == told


# --- the limits, and what is said -----------------------------------------------------


def at(family: str) -> Cursor:
    zone = "" if family == INSTANT else "Asia/Tokyo"
    return Cursor(CursorSpec("at", time_zone=zone), (), family)


def told_of(family: str, hours: float, *, written: bool = True) -> tuple[Warning, ...]:
    """What is said of a newest value so many hours ahead of the clock."""
    database: Any = SimpleNamespace(row=lambda _: (hours, written))
    table: Any = SimpleNamespace(oid=7, spec=SimpleNamespace(name="orders"))
    return check_clock(database, table, at(family), "2026-01-01")


@pytest.mark.parametrize(
    ("family", "hours", "told"),
    [
        (INSTANT, 0.99, []),
        (INSTANT, 1.0, ["cursor_ahead_of_clock"]),
        (LOCAL, 0.99, []),
        (LOCAL, 1.0, ["cursor_ahead_of_clock"]),
        # Tomorrow may have begun where the application is; the day after has not.
        (DATE, 23.99, []),
        (DATE, 24.0, ["cursor_ahead_of_clock"]),
        (LOCAL, -0.99, []),
        (LOCAL, -1.0, ["cursor_behind_clock"]),
        # No two zones are further apart.
        (LOCAL, -26.0, ["cursor_behind_clock"]),
        (LOCAL, -26.01, []),
        # These say themselves when they are, or only the day.
        (INSTANT, -5.0, []),
        (DATE, -5.0, []),
    ],
)
def test_how_far_off_is_too_far(family: str, hours: float, told: list[str]) -> None:
    assert [warning.code for warning in told_of(family, hours)] == told


@pytest.mark.parametrize(
    ("family", "hours", "where"),
    [
        (INSTANT, 2.04, "2.0 hours ahead of PostgreSQL's clock"),
        (
            LOCAL,
            float("inf"),
            "infinitely far ahead of PostgreSQL's clock in time zone 'Asia/Tokyo'",
        ),
        (
            DATE,
            30.0,
            "30.0 hours ahead of PostgreSQL's clock in time zone 'Asia/Tokyo'",
        ),
    ],
)
def test_a_value_of_the_future_is_told_with_its_distance_and_its_zone(
    family: str, hours: float, where: str
) -> None:
    """A timestamptz is in no zone of the source, so none is named."""
    (warning,) = told_of(family, hours)
    assert warning.message == (
        f"The newest 'at' of table 'orders' lies {where}: such rows are read again with"
        " every sync until it has come."
    )
    assert warning.hint == (
        'If the application writes another zone, correct "time_zone" of the source;'
        " else look for its clock and for dates made up."
    )


def test_a_value_hours_back_is_told_with_its_distance_and_its_zone() -> None:
    assert told_of(LOCAL, -5.0) == (
        Warning(
            code="cursor_behind_clock",
            message="The newest 'at' of table 'orders' lies 5.0 hours behind"
            " PostgreSQL's clock in time zone 'Asia/Tokyo', while the table is being"
            " written.",
            hint='If the application writes another zone, correct "time_zone" of the'
            " source, or rows will be missed; else there is nothing to do.",
        ),
    )
    assert told_of(LOCAL, -5.0, written=False) == ()
