"""APPLY_TASKS: what is resumed, in which order, and what a failure leaves."""

import dataclasses
import json
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.errors import SnowflakeError, SyncError
from snowpark.groups import apply_tasks, task_statements
from snowpark.groups.apply_tasks import Existing
from snowpark.groups.task_graph import Task, build
from snowpark.ledger import lease
from snowpark.session import Snowflake
from snowpark.settings.groups import GroupSettings
from snowpark.sql import Statement
from tests.unit.snowpark.scripted import Scripted, stops

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


# --- the whole call -------------------------------------------------------------------

CONFIG: dict[str, Any] = {
    "groups": {"hourly": {"schedule": {"every_minutes": 60}}, "by_hand": {}}
}
WANTED = build(GroupSettings("hourly", "60 MINUTES"))
NAMES = [task.name for task in WANTED]
CHANGES = {"create_task", "suspend_task", "resume_task", "drop_task"}


def task_row(task: Task, state: str = "started", **changes: Any) -> Row:
    """Returns a task as SHOW TASKS has it."""
    comment = f"Aurora sync, group {task.settings.name}: x [{_digest(task)}]"
    return Row(**({"name": task.name, "state": state, "comment": comment} | changes))


def _digest(task: Task) -> str:
    return task_statements.digest(task)


def there(state: str = "started") -> list[Row]:
    return [task_row(task, state) for task in WANTED]


def session_of(
    *tasks: Row, config: dict[str, Any] | None = CONFIG, known: tuple[str, ...] = ()
) -> Scripted:
    names = known or ("hourly", "by_hand")
    return Scripted(
        show_tasks=list(tasks),
        list_groups=[Row(GROUP_NAME=name) for name in names],
        read_config_text=[] if config is None else [Row(json.dumps(config))],
    )


def applied(session: Scripted) -> dict[str, Any]:
    return apply_tasks.apply_tasks(Snowflake(session))


def done(session: Scripted) -> list[tuple[str, str]]:
    """Returns what was done to which task, in order."""
    return [
        (one.name.removesuffix("_task"), one.text.split('"')[1])
        for one in session.sent
        if one.name in CHANGES
    ]


def test_tasks_that_are_not_there_are_made_and_started_the_root_last() -> None:
    session = session_of()
    report = applied(session)
    made = [("create", name) for name in NAMES]
    lanes = [n for n in reversed(NAMES) if n.startswith("LOAD_")]
    started = [*lanes, "FINISH_HOURLY", "EXTRACT_HOURLY"]
    assert done(session) == [*made, *[("resume", name) for name in started]]
    assert report == {
        "summary": "1 group is scheduled: 10 tasks created, 0 altered, 0 dropped,"
        " 0 unchanged.",
        "groups": {"hourly": {"schedule": "60 MINUTES", "tasks": 10}},
        "captures": {},
        "created": sorted(NAMES),
        "altered": [],
        "dropped": [],
    }
    assert session.names[-1] == "release_lease"
    taken, given = session.only("take_lease"), session.only("release_lease")
    assert given.values == (lease.CONFIG_LEASE, taken.values[0])


def test_graphs_that_are_right_are_left_alone() -> None:
    session = session_of(*there())
    report = applied(session)
    assert done(session) == []
    assert report["summary"].endswith("0 altered, 0 dropped, 10 unchanged.")


def test_a_task_that_differs_is_altered_while_its_graph_rests() -> None:
    old = task_row(WANTED[1], comment=f"Aurora sync, group hourly: x [{'0' * 16}]")
    session = session_of(*there()[:1], old, *there()[2:])
    report = applied(session)
    assert done(session) == [
        ("suspend", "EXTRACT_HOURLY"),
        ("create", NAMES[1]),
        ("resume", "EXTRACT_HOURLY"),
    ]
    assert report["altered"] == [NAMES[1]] and report["created"] == []
    assert report["summary"].endswith("1 altered, 0 dropped, 9 unchanged.")


def test_a_graph_that_a_call_left_suspended_is_started() -> None:
    rows = [task_row(WANTED[0], "suspended"), *there()[1:]]
    session = session_of(*rows)
    applied(session)
    assert done(session) == [
        ("suspend", "EXTRACT_HOURLY"),
        ("resume", "EXTRACT_HOURLY"),
    ]
    one_lane = [*there()[:1], task_row(WANTED[1], "suspended"), *there()[2:]]
    session = session_of(*one_lane)
    applied(session)
    assert done(session)[1:] == [("resume", NAMES[1]), ("resume", "EXTRACT_HOURLY")]


@pytest.mark.parametrize(
    ("config", "known"),
    [(None, ()), ({"groups": {"hourly": {}}}, ()), (CONFIG, ("another",))],
)
def test_a_group_without_schedule_or_tables_has_no_tasks(
    config: dict[str, Any] | None, known: tuple[str, ...]
) -> None:
    session = session_of(*there(), config=config, known=known)
    report = applied(session)
    dropped = [name for what, name in done(session) if what == "drop"]
    # What follows others goes first.
    assert dropped[-2:] == ["FINISH_HOURLY", "EXTRACT_HOURLY"]
    assert dropped[:-2] == sorted(n for n in NAMES if n.startswith("LOAD_"))
    assert done(session)[0] == ("suspend", "EXTRACT_HOURLY")
    assert "resume" not in [what for what, _ in done(session)]
    assert report["dropped"] == sorted(NAMES)
    assert report["summary"].startswith("0 groups are scheduled")


def test_tasks_of_older_releases_go_before_what_they_follow() -> None:
    names = ["EXTRACT_OLD", "FAN_OLD", "LOAD_A", "MERGE_A", "FINISH_OLD"]
    comment = f"Aurora sync, group old: x [{'0' * 16}]"
    old = [Row(name=name, state="started", comment=comment) for name in names]
    session = session_of(*old, *there())
    applied(session)
    dropped = [name for what, name in done(session) if what == "drop"]
    assert dropped == ["MERGE_A", "LOAD_A", "FAN_OLD", "FINISH_OLD", "EXTRACT_OLD"]
    assert done(session)[0] == ("suspend", "EXTRACT_OLD")


@pytest.mark.parametrize("comment", [None, "", "somebody else's", "Aurora sync, x"])
def test_tasks_of_others_are_never_touched(comment: str | None) -> None:
    others = [Row(name="EXTRACT_OTHERS", state="started", comment=comment)]
    session = session_of(*others, *there())
    applied(session)
    assert done(session) == []


def test_a_source_whose_log_is_captured_by_the_clock_has_a_task() -> None:
    config = CONFIG | {"sources": {"shop": {"log": {"capture_minutes": 5}}}}
    session = session_of(*there(), config=config)
    report = applied(session)
    assert done(session) == [("create", "CAPTURE_SHOP"), ("resume", "CAPTURE_SHOP")]
    assert report["captures"] == {"shop": {"schedule": "5 MINUTES", "tasks": 1}}
    assert list(report["groups"]) == ["hourly"]


def test_whatever_is_refused_the_schedules_go_on_and_the_lease_goes_back() -> None:
    """The roots that the call has suspended; a task that is half made rests."""

    def make() -> Scripted:
        old = task_row(WANTED[1], comment=f"Aurora sync, group hourly: x [{'0' * 16}]")
        return session_of(*there()[:1], old, *there()[2:])

    for stop, session, error in stops(make, lambda s: apply_tasks.apply_tasks(s)):
        if stop.how != "refused":
            continue
        assert isinstance(error, SyncError)
        if "suspend_task" in session.names:
            last = [what for what in done(session) if what[1] == "EXTRACT_HOURLY"][-1]
            assert last[0] == "resume"
        if stop.at != 0:
            assert "release_lease" in session.names, stop


def test_what_was_suspended_before_the_call_is_left_so_by_its_failure() -> None:
    rows = [task_row(WANTED[0], "suspended"), *there()[1:]]
    session = session_of(*rows)
    refused = dataclasses.replace(WANTED[1], purpose="another")
    session.answers["show_tasks"] = [rows[0], task_row(refused), *rows[2:]]

    def fails(_: Any) -> list[Row]:
        raise SnowflakeError("warehouse_error", "no", number=1, query_id="q")

    session.answers["create_task"] = fails
    with pytest.raises(SyncError):
        applied(session)
    assert "resume_task" not in session.names
