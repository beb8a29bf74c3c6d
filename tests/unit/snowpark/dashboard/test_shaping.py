"""What the dashboard shows of the views' rows."""

import datetime
from typing import Any

import pytest

from snowpark.dashboard import shaping
from snowpark.dashboard.shaping import Failure
from snowpark.errors import UsageError

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def status(name: str, state: str, minutes: int | None, sla: int = 60) -> dict[str, Any]:
    """A row of SYNC_STATUS, as far as the page of freshness needs it."""
    return {
        "TABLE_NAME": name,
        "GROUP_NAME": "hourly",
        "STATE": state,
        "FRESHNESS_MINUTES": minutes,
        "FRESHNESS_SLA_MINUTES": sla,
        "LAST_RUN_FINISHED_AT": NOW,
        "LAST_ROWS_EXTRACTED": 5,
        "LAST_BYTES": 1234,
        "WATERMARK": None,
        "OLDEST_TRANSACTION": None,
        "TARGET_NAME": "T",
    }


def test_the_worst_table_comes_first_then_the_most_used_sla() -> None:
    rows = [
        status("fine", "ok", 5),
        status("nearly", "ok", 50),
        status("new", "never synced", None),
        status("late", "late", 70),
        status("broken", "failed", 10),
    ]
    shown = shaping.freshness(rows)
    assert [row["Table"] for row in shown] == [
        "broken",
        "late",
        "new",
        "nearly",
        "fine",
    ]
    assert [row["SLA used"] for row in shown] == [16.7, 116.7, None, 83.3, 8.3]
    assert shown[2]["Age"] == "–"
    assert list(shaping.counts(rows).items()) == [
        ("failed", 1),
        ("late", 1),
        ("never synced", 1),
        ("ok", 2),
    ]


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


def test_runs_are_drawn_by_time_and_only_those_of_the_table() -> None:
    def run(table: str, started: datetime.datetime | None) -> dict[str, Any]:
        return {
            "TABLE_NAME": table,
            "STARTED_AT": started,
            "ROWS_EXTRACTED": 3,
            "ROWS_DELETED": None,
            "EXTRACT_SECONDS": 1.5,
            "LOAD_SECONDS": None,
            "MERGE_SECONDS": 0.5,
        }

    later = NOW + datetime.timedelta(seconds=1)
    runs = [run("t", later), run("t", None), run("other", NOW), run("t", NOW)]
    points = shaping.run_points(runs, "t")
    assert [point["Run"] for point in points] == ["03-01 12:00:00", "03-01 12:00:01"]
    assert points[0]["extract"] == 1.5 and points[0]["load"] == 0.0


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
