"""What needs attention: one card for each cause, whatever it holds up."""

import datetime
from typing import Any

import pytest

from snowpark.dashboard import attention
from snowpark.dashboard.schedule import Schedule
from snowpark.errors import CODES

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def table(name: str, state: str = "ok", **values: Any) -> dict[str, Any]:
    """A row of the first screen's query."""
    row: dict[str, Any] = dict.fromkeys(
        (
            "WHAT", "WHAT_TO_DO", "SINCE", "FRESH_AS_OF", "FRESHNESS_SLA_MINUTES",
            "LAST_RUN_FINISHED_AT", "LAST_ERROR_CODE", "LAST_ERROR_MESSAGE",
            "LAST_ERROR_HINT", "PROBLEM_SINCE",
        )
    )  # fmt: skip
    return row | {"TABLE_NAME": name, "STATE": state} | values


def failed(name: str, code: str, **values: Any) -> dict[str, Any]:
    hint = CODES[code].hint if code in CODES else "Check the network."
    error = {"LAST_ERROR_CODE": code, "LAST_ERROR_HINT": hint}
    return table(name, "failed", LAST_ERROR_MESSAGE=f"{name}.", **error, **values)


def warning(name: str, code: str) -> dict[str, Any]:
    return {
        "TABLE_NAME": name,
        "CODE": code,
        "MESSAGE": "No index.",
        "HINT": "CREATE INDEX.",
        "RECORDED_AT": NOW - HOUR,
    }


def cards(
    rows: list[dict[str, Any]], warnings: list[dict[str, Any]] | None = None
) -> list[attention.Card]:
    return attention.cards(rows, warnings or [], NOW)


@pytest.mark.parametrize(
    ("states", "text", "well"),
    [
        (["ok"] * 34, "All 34 tables are in sync", True),
        (["ok", "running"], "All 2 tables are in sync", True),
        (["ok"], "The one table is in sync", True),
        (["ok", "ok", "paused"], "All 2 tables that are not paused are in sync", True),
        (["failed"], "1 of 1 table needs attention", False),
        (["failed", "late", "lost", "never synced", "warning", "paused", "ok"],
         "5 of 7 tables need attention", False),
        (["paused", "paused"], "All 2 tables are paused", False),
    ],
)  # fmt: skip
def test_the_headline(states: list[str], text: str, well: bool) -> None:
    rows = [table(f"t{i}", state) for i, state in enumerate(states)]
    assert attention.headline(rows) == (text, well)


def test_tables_that_fail_alike_share_a_card() -> None:
    rows = [
        failed("a", "source_unreachable", PROBLEM_SINCE=NOW - HOUR),
        failed("b", "source_unreachable", PROBLEM_SINCE=NOW - 3 * HOUR),
        failed("c", "too_many_deletes"),
        table("d"),
    ]
    many, one = cards(rows)
    assert (many.code, many.subjects) == ("source_unreachable", ("a", "b"))
    assert many.since == NOW - 3 * HOUR
    assert many.title == "Source unreachable" and many.buttons == ("Sync now",)
    assert one.subjects == ("c",) and one.key != many.key


def test_a_hint_that_names_its_table_is_one_cause_all_the_same() -> None:
    rows = [
        table(name, "late", WHAT_TO_DO=f"CALL SYNC_TABLE('{name}');")
        for name in ("a1", "b2")
    ]
    (card,) = cards(rows)
    assert card.subjects == ("a1", "b2") and card.buttons == ("Sync now",)


@pytest.mark.parametrize(
    ("code", "buttons"),
    [
        ("too_many_deletes", ("Confirm deletes", "Sync now")),
        ("type_changed", ("Resync", "Sync now")),
        ("nothing_to_backfill", ("Sync now", "Resync")),
        ("table_paused", ("Resume", "Sync now")),
        ("pipe_timeout", ("Sync now",)),
    ],
)
def test_a_card_has_the_buttons_that_its_hint_names(
    code: str, buttons: tuple[str, ...]
) -> None:
    (card,) = cards([failed("a", code)])
    assert card.buttons == buttons


def test_the_worst_comes_first_then_what_meets_most_tables() -> None:
    rows = [
        table("p", "paused", WHAT="moving"),
        table("n", "never synced"),
        failed("x", "too_many_deletes"),
        failed("y", "type_changed"),
        failed("z", "type_changed"),
        table("l", "late"),
        table("w", "warning"),
    ]
    found = cards(rows, [warning("w", "cursor_not_indexed")])
    assert [(card.state, card.code) for card in found] == [
        ("failed", "type_changed"),
        ("failed", "too_many_deletes"),
        ("late", ""),
        ("never synced", ""),
        ("warning", "cursor_not_indexed"),
        ("paused", ""),
    ]
    assert found[-1].message == "moving" and found[-1].buttons == ("Resume",)


def test_a_table_with_two_warnings_is_on_two_cards_and_a_failed_one_on_none() -> None:
    rows = [table("w", "warning"), failed("f", "type_changed")]
    said = [warning("w", "a_b"), warning("w", "c"), warning("f", "a_b"),
            warning("gone", "a_b")]  # fmt: skip
    found = cards(rows, said)
    assert [card.title for card in found] == ["Type changed", "A b", "C"]
    assert all(card.subjects == ("w",) for card in found[1:])


def test_warnings_of_one_kind_are_one_card_though_each_names_its_own_index() -> None:
    rows = [table("w", "warning"), table("v", "warning")]
    said = [warning("w", "c"), warning("v", "c") | {"HINT": "CREATE INDEX ON v."}]
    (card,) = cards(rows, said)
    assert card.hint == "CREATE INDEX. (The page of each table has its own.)"


def test_a_card_says_what_readers_see() -> None:
    fresh = {"FRESH_AS_OF": NOW - HOUR, "FRESHNESS_SLA_MINUTES": 60}
    older = {"FRESH_AS_OF": NOW - 3 * HOUR, "FRESHNESS_SLA_MINUTES": 120}
    (new,) = cards([table("n", "never synced")])
    (one,) = cards([failed("a", "type_changed", **fresh)])
    (two,) = cards(
        [failed("a", "type_changed", **fresh), failed("b", "type_changed", **older)]
    )
    assert new.readers == "no rows yet"
    assert one.readers == (
        "rows as of 2026-03-01 11:00 UTC (60 min ago); the limit is 60 min"
    )
    assert two.readers == (
        "the oldest of them rows as of 2026-03-01 09:00 UTC (3 h ago);"
        " the limit is 2 h"
    )


def test_a_schedule_that_stands_still_has_a_card() -> None:
    stopped = Schedule("hourly", "EXTRACT_hourly", "60 MINUTES", "suspended")
    runs = Schedule("nightly", "EXTRACT_nightly", "60 MINUTES", "started")
    (card,) = attention.schedule_cards([stopped, runs])
    assert card.title == "The schedule of group hourly stands still"
    assert card.buttons == ("Start schedules",) and card.subjects == ()


def test_a_log_that_is_not_read_has_a_card() -> None:
    row = {
        "SOURCE_NAME": "shop", "STATE": "broken", "LAST_GAP_AT": NOW,
        "LAST_CAPTURE_AT": None, "LAST_GAP_REASON": "stopped",
    }  # fmt: skip
    broken, late = attention.log_cards(
        [row, row | {"STATE": "late", "LAST_GAP_REASON": None}]
    )
    assert (broken.state, broken.buttons) == ("failed", ("Resync source",))
    assert "gap: stopped." in broken.message
    assert (late.state, late.buttons) == ("late", ("Capture log",))
    assert broken.subjects == late.subjects == ("shop",)


def test_what_runs_says_since_when_and_how_far() -> None:
    what = "running: 17 of 40 parts, 900 rows so far"
    row = table("big", "running", WHAT=what, SINCE=NOW - HOUR)
    assert attention.running([row, table("a")], NOW) == [
        f"big: {what}, since 2026-03-01 11:00 UTC (60 min ago)"
    ]
