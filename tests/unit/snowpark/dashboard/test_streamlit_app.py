"""The page itself, run by Streamlit's own test harness with scripted answers."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from snowpark.dashboard import parts, session, shaping, statements
from snowpark.dashboard.buttons import ACTIONS
from snowpark.dashboard.session import CallFailed
from snowpark.dashboard.statements import Query

APP = Path(__file__).resolve().parents[4] / "snowpark/dashboard/streamlit_app.py"
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
EVERYTHING = tuple(action.procedure for action in ACTIONS.values())


def columns(query: Query) -> list[str]:
    """The names that a query of the dashboard selects."""
    listed = query.text.partition("SELECT")[2].partition("FROM")[0]
    return [
        name.strip().upper().rpartition(" AS ")[2].rpartition(".")[2]
        for name in listed.split(",")
    ]


class Answers:
    """Stands in for Snowflake; keeps the calls."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.procedures = EVERYTHING
        self.calls: list[tuple[str, tuple[str | int, ...]]] = []
        self.queries: list[str] = []
        self.error: str | None = None
        self.tasks: list[dict[str, Any]] = []
        self.refused = "sync_cost"

    def table(self, name: str, state: str, **values: Any) -> None:
        row = dict.fromkeys(columns(statements.TABLES))
        row |= {"TABLE_NAME": name, "STATE": state, "FRESHNESS_SLA_MINUTES": 60}
        self.tables[name] = row | {"TARGET_NAME": "T", "WHAT": "what"} | values

    def failed(self, name: str, code: str, hint: str) -> None:
        error = {"LAST_ERROR_CODE": code, "LAST_ERROR_HINT": hint}
        message = "No answer from **db**."
        self.table(name, "failed", LAST_ERROR_MESSAGE=message, **error)

    def rows(self, query: Query) -> list[dict[str, Any]]:
        self.queries.append(query.text)
        if self.refused in query.text:
            raise CallFailed(shaping.failure_of("002003: does not exist"))
        if query == statements.TABLES:
            return list(self.tables.values())
        if query == statements.PROCEDURES:
            return [{"NAME": name} for name in self.procedures]
        if query == statements.TASKS:
            return self.tasks
        if query == statements.runs("orders", 7):
            run = dict.fromkeys(columns(query))
            run |= {"TABLE_NAME": "orders", "STARTED_AT": NOW, "FINISHED_AT": NOW}
            return [run | {"KIND": "increment", "STATUS": "succeeded"}]
        return []

    def call(self, query: Query) -> dict[str, Any]:
        self.calls.append((query.text, query.params))
        if self.error:
            raise CallFailed(shaping.failure_of(self.error))
        return {"summary": "orders: 3 rows read."}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    scripted = Answers()
    monkeypatch.setattr(session, "rows", scripted.rows)
    monkeypatch.setattr(session, "call", scripted.call)
    st.cache_data.clear()
    return scripted


def opened(**parameters: str) -> AppTest:
    """The page after its first run, without an exception."""
    page = AppTest.from_file(str(APP), default_timeout=30)
    for name, value in parameters.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def click(page: AppTest, label: str) -> None:
    button = next(b for b in page.button if b.label == label)
    button.click().run()
    assert not page.exception


def labels(page: AppTest) -> list[str]:
    """The buttons that can be clicked, beside those that lead to other pages."""
    others = {"Refresh", "Attention", "Schedules", "History", "Changes", "Cost"}
    return [b.label for b in page.button if b.label not in others and not b.disabled]


def texts(page: AppTest) -> str:
    return "\n".join(markdown.value for markdown in page.markdown)


def test_without_tables_it_says_what_to_do(answers: Answers) -> None:
    page = opened()
    assert "APPLY_CONFIG" in page.info[0].value
    assert labels(page) == []


def test_u13_the_first_screen_says_what_is_wrong_and_what_to_do(
    answers: Answers,
) -> None:
    answers.table("fine", "ok", FRESHNESS_MINUTES=1)
    for name in ("a", "b"):
        answers.failed(name, "source_unreachable", "Check the network.")
    answers.failed("c", "too_many_deletes", "CALL CONFIRM_DELETES with the table.")
    page = opened()
    shown = texts(page)
    assert "## :red[3 of 4 tables need attention]" in shown
    assert ":red-badge[3 failed] :green-badge[1 ok]" in shown
    # A cause is one card, and a message is shown as it is.
    assert shown.count("No answer from \\*\\*db\\*\\*.") == 2
    assert "**What to do:** Check the network." in shown
    assert labels(page) == ["Sync now", "Confirm deletes", "Sync now", "Open"]


def test_in_calm_it_says_so(answers: Answers) -> None:
    answers.table("fine", "ok", FRESHNESS_MINUTES=1)
    page = opened()
    assert "## :green[The one table is in sync]" in texts(page)
    assert labels(page) == []


def test_the_first_screen_reads_no_history(answers: Answers) -> None:
    answers.table("fine", "ok", FRESHNESS_MINUTES=1)
    opened()
    assert not [text for text in answers.queries if "sync_history" in text]
    assert len(answers.queries) <= 5


def test_a_call_is_made_once_and_only_after_a_confirmation(answers: Answers) -> None:
    answers.failed("orders", "type_changed", "CALL RESYNC_TABLE.")
    page = opened()
    click(page, "Resync")
    assert answers.calls == []
    assert page.code[0].value == "CALL RESYNC_TABLE('orders');"
    assert labels(page) == ["Open", "Yes, resync", "Cancel"]
    click(page, "Cancel")
    assert answers.calls == [] and "Resync" in labels(page)
    click(page, "Resync")
    click(page, "Yes, resync")
    page.run()
    assert answers.calls == [("CALL control.resync_table('orders')", ())]
    assert "orders\\: 3 rows read." in [box.value for box in page.success]
    assert json.loads(page.json[0].value) == {"summary": "orders: 3 rows read."}
    click(page, "Dismiss")
    assert not page.success


def test_several_tables_are_synced_by_one_click(answers: Answers) -> None:
    for name in ("a", "b"):
        answers.failed(name, "source_unreachable", "Check it, or CALL RESYNC_TABLE.")
    page = opened()
    # What reloads or deletes is asked for one table at a time.
    assert labels(page) == ["Sync now"]
    click(page, "Sync now")
    assert page.code[0].value == "CALL SYNC_TABLE('a');\nCALL SYNC_TABLE('b');"
    click(page, "Yes, sync now")
    assert len(answers.calls) == 2
    click(page, "Dismiss")
    page.selectbox[0].select("b").run()
    assert labels(page) == ["Resync", "Sync now", "Open"]


def test_the_error_of_a_call_is_shown_with_its_hint(answers: Answers) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    answers.error = "E: [locked] (table orders) It runs. A retry may help. Wait."
    page = opened(table="orders")
    click(page, "Validate")
    click(page, "Yes, validate")
    assert page.error[0].value == "Validate failed."
    assert "**What to do:** Wait." in texts(page)
    assert not any(button.disabled for button in page.button)


def test_a_backfill_takes_what_the_person_writes(answers: Answers) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    page = opened(table="orders")
    click(page, "Backfill")
    page.text_input[0].input("2026-01-01").run()
    assert page.code[0].value == "CALL BACKFILL_TABLE('orders', '2026-01-01', NULL);"
    click(page, "Yes, backfill")
    assert answers.calls == [
        ("CALL control.backfill_table('orders', '2026-01-01', NULL)", ())
    ]


def test_a_question_whose_card_has_gone_is_still_asked(answers: Answers) -> None:
    answers.failed("orders", "type_changed", "CALL RESYNC_TABLE.")
    page = opened()
    click(page, "Resync")
    answers.table("orders", "ok")
    st.cache_data.clear()
    page.run()
    assert labels(page) == ["Yes, resync", "Cancel"]


def test_a_paused_table_can_only_be_resumed_or_compared(answers: Answers) -> None:
    answers.table("orders", "paused", WHAT="moving")
    page = opened(table="orders")
    assert labels(page) == [
        "All tables", "Resume", "Resume", "Validate", "Validate and repair",
    ]  # fmt: skip
    assert "moving" in texts(page)


def test_calls_that_are_not_deployed_have_no_button(answers: Answers) -> None:
    answers.procedures = ("SYNC_TABLE",)
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    assert labels(opened(table="orders")) == ["All tables", "Sync now"]


def test_the_page_of_a_table_that_is_not_configured(answers: Answers) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    page = opened(table="nope")
    assert page.warning[0].value == "No table nope is configured."
    assert labels(page) == ["All tables"]


def test_a_schedule_that_stands_still_is_on_the_first_screen(answers: Answers) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    answers.tasks = [
        {"NAME": "EXTRACT_h", "DATABASE_NAME": "D", "SCHEDULE": "60 MINUTES",
         "STATE": "suspended", "COMMENT": "Aurora sync, group h: x [0123456789abcdef]"}
    ]  # fmt: skip
    page = opened()
    assert "**The schedule of group h stands still**" in texts(page)
    click(page, "Start schedules")
    click(page, "Yes, start schedules")
    assert answers.calls == [("CALL control.apply_tasks()", ())]


@pytest.mark.parametrize("name", ["Schedules", "History", "Changes", "Cost"])
def test_every_page_is_drawn_without_anything_to_show(
    answers: Answers, name: str
) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    page = opened(page=name)
    assert page.caption or page.info
    if name == "Cost":
        assert "--with-cost" in page.info[0].value


def test_snowflake_that_refuses_is_said(answers: Answers) -> None:
    answers.refused = "sync_status"
    page = opened()
    assert "002003\\: does not exist" in texts(page)


def test_counts_of_rows_are_whole_beside_tables_without_one() -> None:
    """Streamlit makes fractions of whole numbers in a column that has gaps."""
    shown = parts.columns()["Rows read"]
    assert shown["type_config"]["format"] == "%d"
