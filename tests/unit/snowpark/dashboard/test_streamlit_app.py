"""The page itself, run by Streamlit's own test harness with scripted answers."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from snowpark.dashboard import session, shaping, statements
from snowpark.dashboard.session import CallFailed
from snowpark.dashboard.statements import Query

APP = Path(__file__).resolve().parents[4] / "snowpark/dashboard/streamlit_app.py"
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
EVERYTHING = ("SYNC_TABLE", "VALIDATE_TABLE", "PAUSE_TABLE", "RESUME_TABLE")


def columns(query: Query) -> list[str]:
    """The names that a query of the dashboard selects."""
    listed = query.text.partition("SELECT")[2].partition("FROM")[0]
    return [name.strip().upper() for name in listed.split(",")]


class Answers:
    """Stands in for Snowflake; keeps the calls."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.procedures = EVERYTHING
        self.calls: list[tuple[str, tuple[str | int, ...]]] = []
        self.error: str | None = None

    def table(self, name: str, state: str, **values: Any) -> None:
        row = dict.fromkeys(columns(statements.STATUS))
        row |= {"TABLE_NAME": name, "STATE": state, "FRESHNESS_SLA_MINUTES": 60}
        self.tables[name] = row | values

    def rows(self, query: Query) -> list[dict[str, Any]]:
        if query == statements.STATUS:
            return list(self.tables.values())
        if query == statements.HELP:
            return [{"CALL": name} for name in self.procedures]
        if "sync_history" not in query.text:
            return []
        run = dict.fromkeys(columns(query))
        run |= {"TABLE_NAME": "orders", "STARTED_AT": NOW, "FINISHED_AT": NOW}
        return [run]

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


def opened() -> AppTest:
    """The page after its first run, without an exception."""
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not page.exception
    return page


def click(page: AppTest, label: str) -> None:
    (button,) = [b for b in page.button if b.label == label]
    button.click().run()
    assert not page.exception


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def test_without_tables_it_says_what_to_do(answers: Answers) -> None:
    page = opened()
    assert "APPLY_CONFIG" in page.info[0].value
    assert labels(page) == ["Refresh"]


def test_a_failed_table_is_shown_with_its_hint_as_text(answers: Answers) -> None:
    answers.table("fine", "ok", FRESHNESS_MINUTES=1)
    answers.table(
        "broken",
        "failed",
        LAST_ERROR_CODE="source_unreachable",
        LAST_ERROR_MESSAGE="No answer from **db**.",
        LAST_ERROR_HINT="Check the network.",
        LAST_ERROR_RETRYABLE=True,
        LAST_RUN_ID="r7",
    )
    page = opened()
    assert [(m.label, m.value) for m in page.metric] == [
        ("Tables", "2"),
        (":red[**failed**]", "1"),
        (":green[**ok**]", "1"),
    ]
    texts = [text.value for text in page.text]
    assert "No answer from **db**." in texts
    assert "What to do: Check the network." in texts


def test_a_call_is_made_once_and_only_after_a_confirmation(answers: Answers) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    page = opened()
    click(page, "Sync now")
    assert answers.calls == []
    assert [b.label for b in page.button if not b.disabled] == [
        "Refresh",
        "Yes, sync now",
        "Cancel",
    ]
    click(page, "Cancel")
    assert answers.calls == []
    click(page, "Sync now")
    click(page, "Yes, sync now")
    page.run()
    assert answers.calls == [("CALL control.sync_table('orders')", ())]
    assert "orders: 3 rows read." in [box.value for box in page.success]
    assert json.loads(page.json[0].value) == {"summary": "orders: 3 rows read."}


def test_the_error_of_a_call_is_shown_with_its_hint(answers: Answers) -> None:
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    answers.error = "E: [locked] (table orders) It runs. A retry may help. Wait."
    page = opened()
    click(page, "Validate")
    click(page, "Yes, validate")
    assert page.error[0].value == "Validate failed."
    assert "What to do: Wait." in [text.value for text in page.text]
    assert not any(button.disabled for button in page.button)


def test_a_paused_table_can_only_be_resumed_or_compared(answers: Answers) -> None:
    answers.table("orders", "paused", PAUSED_REASON="moving")
    page = opened()
    assert labels(page) == ["Refresh", "Validate", "Resume"]
    assert "paused: moving" in [text.value for text in page.text]


def test_calls_that_are_not_deployed_have_no_button(answers: Answers) -> None:
    answers.procedures = ("SYNC_TABLE",)
    answers.table("orders", "ok", FRESHNESS_MINUTES=1)
    assert labels(opened()) == ["Refresh", "Sync now"]


def test_a_pause_says_where_it_came_from() -> None:
    query = statements.call("PAUSE_TABLE", "orders")
    assert query.text.endswith("('orders', 'paused in the dashboard')")
