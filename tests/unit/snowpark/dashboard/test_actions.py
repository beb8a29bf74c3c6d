"""A confirmed click becomes one call, whoever asks for it."""

import threading

import pytest

from snowpark.dashboard import session
from snowpark.dashboard.actions import Call
from snowpark.dashboard.shaping import Failure
from snowpark.dashboard.statements import Query


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
    made = Call("Sync now", "orders")
    first = threading.Thread(target=made.make)
    second = threading.Thread(target=made.make)
    first.start()
    assert started.wait(10)
    second.start()
    others_wait.set()
    first.join(10)
    second.join(10)
    assert [query.text for query in calls] == ["CALL control.sync_table('orders')"]
    assert made.outcome == {"summary": "done"}


def test_a_failed_call_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Failure("lease_held", "It runs.")
    calls: list[Query] = []

    def answer(query: Query) -> dict[str, str]:
        calls.append(query)
        raise session.CallFailed(failure)

    monkeypatch.setattr(session, "call", answer)
    made = Call("Pause", "orders")
    made.make()
    made.make()
    assert made.outcome == failure and len(calls) == 1
