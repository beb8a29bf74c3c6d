"""A confirmed click becomes one call for each table, whoever asks for it."""

import re
import threading
from pathlib import Path

import pytest

from snowpark.dashboard import session
from snowpark.dashboard.actions import Call
from snowpark.dashboard.buttons import ACTIONS
from snowpark.dashboard.shaping import Failure
from snowpark.dashboard.statements import Query

FOLDER = Path(__file__).resolve().parents[4] / "snowflake" / "50_procedures"


def test_runs_of_the_page_at_the_same_time_share_one_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Query] = []
    started, others_wait = threading.Event(), threading.Event()

    def answer(query: Query) -> dict[str, str]:
        calls.append(query)
        started.set()
        assert others_wait.wait(10)
        return {"summary": "done"}

    monkeypatch.setattr(session, "call", answer)
    made = Call("Sync now", ("orders",))
    first = threading.Thread(target=made.make)
    second = threading.Thread(target=made.make)
    first.start()
    assert started.wait(10)
    second.start()
    others_wait.set()
    first.join(10)
    second.join(10)
    assert [query.text for query in calls] == ["CALL control.sync_table('orders')"]
    assert made.is_done and made.outcomes == {"orders": {"summary": "done"}}


def test_a_failed_call_is_not_repeated_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = Failure("lease_held", "It runs.")
    calls: list[str] = []

    def answer(query: Query) -> dict[str, str]:
        calls.append(query.text)
        if "'orders'" in query.text:
            raise session.CallFailed(failure)
        return {"summary": "done"}

    monkeypatch.setattr(session, "call", answer)
    made = Call("Sync now", ("orders", "items"))
    assert not made.is_done
    made.make()
    made.make()
    assert made.outcomes == {"orders": failure, "items": {"summary": "done"}}
    assert len(calls) == 2 and made.is_done


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (Call("Start schedules", ()), "CALL APPLY_TASKS();"),
        (Call("Pause", ("o",), ("it's late",)), "CALL PAUSE_TABLE('o', 'it''s late');"),
        (Call("Backfill", ("o",), ("7", "")), "CALL BACKFILL_TABLE('o', '7', NULL);"),
        (Call("Validate and repair", ("o",)), "CALL VALIDATE_TABLE('o', TRUE);"),
        (Call("Validate", ("o",)), "CALL VALIDATE_TABLE('o');"),
    ],
)
def test_the_call_is_shown_as_it_is_written_in_a_worksheet(
    call: Call, text: str
) -> None:
    assert call.texts == [text]


def test_every_button_calls_a_procedure_with_its_arguments() -> None:
    deployed = {
        name.upper(): (found.count("VARCHAR") + found.count("BOOLEAN"), found)
        for file in FOLDER.glob("*.sql")
        for name, found in re.findall(
            r"CREATE OR REPLACE PROCEDURE (\w+)\((.*?)\)\n", file.read_text(), re.S
        )
    }
    for label, action in ACTIONS.items():
        takes, text = deployed[action.procedure]
        given = len(action.inputs) + len(action.fixed) + (takes > 0)
        assert given in (takes, takes - text.count("DEFAULT")), label
