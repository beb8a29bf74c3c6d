"""From SHOW TASKS and TASK_HISTORY: what runs next, and what stands still."""

import datetime
from typing import Any

from snowpark.dashboard.schedule import database_of, schedule_lines, schedules
from snowpark.groups import task_statements

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def task(name: str, schedule: str | None = None, **values: Any) -> dict[str, Any]:
    comment = "Aurora sync, group hourly: does something [0123456789abcdef]"
    assert task_statements.read_comment(comment)
    return {
        "NAME": name, "DATABASE_NAME": "DB", "COMMENT": comment,
        "SCHEDULE": schedule, "STATE": "started",
    } | values  # fmt: skip


def ran(
    name: str, state: str, at: datetime.datetime, error: str = ""
) -> dict[str, Any]:
    return {
        "NAME": name, "STATE": state, "SCHEDULED_TIME": at, "ERROR_MESSAGE": error,
    }  # fmt: skip


ROOT = task("EXTRACT_hourly", "60 MINUTES")


def test_a_group_has_its_next_and_its_last_run() -> None:
    history = [
        ran("EXTRACT_hourly", "SCHEDULED", NOW + HOUR),
        ran("EXTRACT_hourly", "SUCCEEDED", NOW - HOUR),
        ran("LOAD_hourly_1", "FAILED", NOW - HOUR, "[lane_failed] 1 of 3"),
        ran("LOAD_hourly_1", "FAILED", NOW - 3 * HOUR, "of an older run"),
        ran("EXTRACT_hourly", "FAILED", NOW - 3 * HOUR, "older"),
    ]
    lane = task("LOAD_hourly_1", STATE="suspended")
    (found,) = schedules([ROOT, lane], history)
    assert found.next_at == NOW + HOUR and found.last_at == NOW - HOUR
    assert found.errors == ("LOAD_hourly_1: [lane_failed] 1 of 3",)
    assert found.stopped == ("LOAD_hourly_1",) and found.last_state == "FAILED"
    (line,) = schedule_lines([found], NOW)
    assert line["Next run"] == "2026-03-01 13:00 UTC (in 60 min)"
    assert line["It ended"] == "failed" and line["Tasks"] == 2


def test_without_a_history_the_schedule_is_there() -> None:
    (found,) = schedules([ROOT | {"STATE": "suspended"}], [])
    assert found.state == "suspended" and found.next_at is None
    (line,) = schedule_lines([found], NOW)
    assert (line["Next run"], line["Last run"]) == ("not known", "never")


def test_tasks_of_others_are_no_schedules() -> None:
    assert schedules([ROOT | {"COMMENT": "mine"}, ROOT | {"COMMENT": None}], []) == []
    assert database_of([ROOT]) == "DB" and database_of([]) is None
