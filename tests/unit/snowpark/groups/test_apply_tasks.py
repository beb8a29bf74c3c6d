"""APPLY_TASKS: what is resumed, in which order, and what a failure leaves."""

from typing import Any

import pytest

from snowpark.errors import SnowflakeError
from snowpark.groups import apply_tasks
from snowpark.groups.apply_tasks import Existing
from snowpark.groups.task_graph import build
from snowpark.settings.groups import GroupSettings
from snowpark.sql import Statement

HOURLY = GroupSettings(name="hourly", schedule="USING CRON 0 * * * * UTC")
GRAPH = build(HOURLY)


class Recorder:
    """Notes the statements that it is sent; refuses those with a given text."""

    def __init__(self, refuse: str = "\0") -> None:
        self.sent: list[str] = []
        self.refuse = refuse

    def run(self, statement: Statement, **_: Any) -> list[Any]:
        self.sent.append(statement.text)
        if self.refuse in statement.text:
            raise SnowflakeError("warehouse_error", "refused", number=1, query_id="q")
        return []


def names(sent: list[str]) -> list[str]:
    return [text.split('"')[1] for text in sent]


def test_r2_leaves_are_resumed_first_then_the_finalizer_the_root_last() -> None:
    recorder: Any = Recorder()
    apply_tasks._resume(recorder, GRAPH, {})
    order = names(recorder.sent)
    assert order[-1] == "EXTRACT_HOURLY" and order[-2] == "FINISH_HOURLY"
    assert len(order) == 10
    assert not any("SYSTEM$" in text for text in recorder.sent)


def test_what_is_started_already_is_not_resumed_but_for_the_root() -> None:
    recorder: Any = Recorder()
    started = {t.name: Existing("hourly", "d", True) for t in GRAPH}
    apply_tasks._resume(recorder, GRAPH, started)
    assert names(recorder.sent) == ["EXTRACT_HOURLY"]


@pytest.mark.parametrize("was_started", [True, False])
def test_u1_a_failing_call_leaves_the_schedules_as_they_were(was_started: bool) -> None:
    recorder: Any = Recorder()
    root = {"EXTRACT_HOURLY": Existing("hourly", "d", was_started)}
    error = SnowflakeError("warehouse_error", "no", number=1, query_id="q")
    apply_tasks._leave_running(recorder, ["EXTRACT_HOURLY"], root, error)
    assert names(recorder.sent) == (["EXTRACT_HOURLY"] if was_started else [])


def test_a_root_that_stays_suspended_is_told() -> None:
    recorder: Any = Recorder(refuse="RESUME")
    root = {"EXTRACT_HOURLY": Existing("hourly", "d", True)}
    error = SnowflakeError("warehouse_error", "no", number=1, query_id="q")
    apply_tasks._leave_running(recorder, ["EXTRACT_HOURLY"], root, error)
    assert "stays suspended" in error.__notes__[0]
