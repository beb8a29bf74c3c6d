"""What the dashboard shows of the views' rows."""

import datetime
from typing import Any

import pytest

from snowpark.dashboard import shaping
from snowpark.dashboard.shaping import Failure
from snowpark.errors import UsageError

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def status(
    name: str, state: str, minutes: int | None, group: str | None = "hourly"
) -> dict[str, Any]:
    """A row of the first screen, as far as the list of tables needs it."""
    return {
        "TABLE_NAME": name,
        "GROUP_NAME": group,
        "STATE": state,
        "WHAT": None,
        "FRESHNESS_MINUTES": minutes,
        "FRESHNESS_SLA_MINUTES": 60,
        "LAST_RUN_FINISHED_AT": NOW,
        "LAST_ROWS_EXTRACTED": 5,
        "LAST_BYTES": 1234,
        "TARGET_NAME": f"SHOP.{name.upper()}",
    }


ROWS = [
    status("fine", "ok", 5),
    status("nearly", "ok", 50, "nightly"),
    status("new", "never synced", None, None),
    status("late", "late", 70),
    status("broken", "failed", 10),
]


def test_the_worst_table_comes_first_then_the_most_used_sla() -> None:
    shown = shaping.tables(ROWS)
    assert [row["Table"] for row in shown] == [
        "broken",
        "late",
        "new",
        "nearly",
        "fine",
    ]
    assert [row["SLA used"] for row in shown] == [16.7, 116.7, None, 83.3, 8.3]
    assert shown[2]["Age"] == "–"
    assert list(shaping.counts(ROWS).items()) == [
        ("failed", 1),
        ("late", 1),
        ("never synced", 1),
        ("ok", 2),
    ]


@pytest.mark.parametrize(
    ("text", "groups", "states", "found"),
    [
        ("", [], [], ["fine", "nearly", "new", "late", "broken"]),
        (" N ", [], [], ["fine", "nearly", "new", "broken"]),
        ("shop.late", [], [], ["late"]),
        ("", ["nightly", "(no group)"], [], ["nearly", "new"]),
        ("", ["hourly"], ["ok"], ["fine"]),
        ("nothing", [], [], []),
    ],
)
def test_tables_are_found_by_name_target_group_and_state(
    text: str, groups: list[str], states: list[str], found: list[str]
) -> None:
    rows = shaping.matching(ROWS, text, groups, states)
    assert [row["TABLE_NAME"] for row in rows] == found


def test_moments_carry_their_zone() -> None:
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    there = datetime.datetime(2026, 3, 1, 12, 30, tzinfo=berlin)
    assert shaping.moment(there) == "2026-03-01 11:30 UTC"
    assert shaping.ago(there, NOW) == "2026-03-01 11:30 UTC (30 min ago)"
    assert shaping.ago(NOW, there) == "2026-03-01 12:00 UTC (in 30 min)"
    assert shaping.ago(None, NOW) == "never"


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    assert shaping.plain("a_b *c* [d](e) :red[f] $g$") == (
        "a\\_b \\*c\\* \\[d\\]\\(e\\) \\:red\\[f\\] \\$g\\$"
    )


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(None, "–"), (0, "0 min"), (119, "119 min"), (120, "2 h"), (150, "2.5 h"),
     (2879, "48 h"), (2880, "2 days"), (3600, "2.5 days")],
)  # fmt: skip
def test_durations(minutes: int | None, shown: str) -> None:
    assert shaping.duration(minutes) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, ""), (0, ""), (999, "999 B"), (1234, "1.23 kB"), (5e6, "5 MB"),
     (7e12, "7.0 TB")],
)  # fmt: skip
def test_sizes(number: float | None, shown: str) -> None:
    assert shaping.size(number) == shown


def test_the_error_of_a_call_is_found_in_what_snowflake_puts_around_it() -> None:
    error = UsageError("table_paused", "The table is paused.", hint="CALL RESUME.")
    text = (
        "(1304): 01b: 100357 (P0000): Python Interpreter Error:\nTraceback [x]\n"
        f"UsageError: {error.about('orders', 'r1')}\n in function SYNC_TABLE"
    )
    assert shaping.failure_of(text) == Failure(
        code="table_paused",
        message="The table is paused.",
        retry="A retry does not help.",
        hint="CALL RESUME.",
        where="table orders, run r1",
    )


def test_an_error_of_snowflake_itself_is_shown_as_it_is() -> None:
    failure = shaping.failure_of("002003: Object does not exist.\n  Or no right.")
    assert failure.code == "warehouse_error"
    assert failure.message == "002003: Object does not exist. Or no right."
    assert failure.hint == ""


@pytest.mark.parametrize(
    ("value", "report"),
    [
        ('{"summary": "done"}', {"summary": "done"}),
        ({"a": 1}, {"a": 1}),
        ("[1]", {"summary": "[1]"}),
        (None, {"summary": "None"}),
    ],
)
def test_reports(value: object, report: dict[str, Any]) -> None:
    assert shaping.report_of(value) == report
