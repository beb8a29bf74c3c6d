"""The extraction of a group: what is true of many tables is one statement.

A table in which nothing is new is done with it. For the others, the steps say what is
left to do: load what was extracted ("succeeded"), do the whole sync ("alone"), or tell
the error ("failed").
"""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambda_extract.contract import ExtractReply, encode
from snowpark.errors import LeaseError, SyncError
from snowpark.extraction import progress
from snowpark.extraction import requests as extraction_requests
from snowpark.groups import asking, logs, set_statements
from snowpark.groups import lanes as groups_lanes
from snowpark.groups import quiet as groups_quiet
from snowpark.groups import steps as groups_steps
from snowpark.groups.asking import Answer, Asked, Extraction
from snowpark.groups.lanes import Past
from snowpark.groups.quiet import Quiet
from snowpark.groups.statements import GroupStep
from snowpark.groups.steps import Trigger
from snowpark.ledger import lease, read
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake

# Older loads say little about the next one.
_PAST_DAYS = 14
# The load halves a window until it fits, and finds a place when others have ended.
_LEFT_TO_LOAD = ("window_too_large", "too_many_connections")
# Unchanged tables that are named in one row: some 100 kB.
_NAMES_PER_STEP = 1000
# What a run that vanished is recorded as: by the finalizer, or by whoever took over.
_UNFINISHED = ("step_lost", "lease_lost")


@dataclass(frozen=True)
class Group:
    """A group that begins to run.

    Attributes:
        name: As the configuration spells it.
        run_id: Also the run id of each of its tables.
        lanes: How many its graph has; 0: each table is done in turn.
    """

    name: str
    run_id: str
    trigger: Trigger
    lanes: int = 0

    def step(self, table: str | None = None, **values: Any) -> GroupStep:
        """Returns a step of this run."""
        return GroupStep(self.run_id, self.name, self.trigger, table=table, **values)


@dataclass
class Extracted:
    """What an extraction has come to.

    Attributes:
        steps: Of the tables that are not done with it.
        replies: Windows of those that "succeeded".
        unchanged: Tables that are done with it.
        states: Of all tables whose lease the group has.
        holder: Keeps these leases.
    """

    holder: "Holder"

    steps: list[GroupStep] = field(default_factory=list)
    replies: dict[str, ExtractReply] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    states: dict[str, TableState] = field(default_factory=dict)

    def of(self, *statuses: str) -> list[GroupStep]:
        """Returns the steps of tables with one of these statuses."""
        return [step for step in self.steps if step.status in statuses]

    @property
    def lanes(self) -> int:
        """How many lanes have work."""
        return max((step.lane or 0 for step in self.steps), default=0)

    @property
    def tables(self) -> int:
        """How many tables there are."""
        return len(self.steps) + len(self.unchanged)


def extract(snowflake: Snowflake, group: Group) -> Extracted:
    """Takes the leases, asks for the next window of each table, notes what came.

    Raises:
        SyncError: Snowflake itself failed. What is wrong with a table is in its step.
    """
    holder = Holder(snowflake, group.run_id)
    found = Extracted(holder)
    asked = _begin(snowflake, group, found)
    upto = _ask_logs(snowflake, group, found, asked, holder.hold)
    answers = asking.ask_for(snowflake, asked, holder.hold)
    quiet: list[Quiet] = []
    for table, answer in answers.items():
        state = found.states[table]
        run = groups_steps.run_of(group.step(table, step="extract", status="alone"))
        nothing = None
        if isinstance(answer, Extraction):
            nothing = groups_quiet.quiet(state, run, answer, upto.get(table, ""))
        if nothing is not None:
            quiet.append(nothing)
        else:
            _note(group, found, table, answer)
    _record(snowflake, group, found, quiet)
    return found


def release(snowflake: Snowflake, group_run_id: str) -> None:
    """Gives back every lease that a group run still has."""
    snowflake.run(set_statements.release_leases(group_run_id))


class Holder:
    """Extends the leases of a group run, when half of their time has passed.

    It is asked between two tables, and by those that take long: a snapshot renews its
    own lease with each of its waves.
    """

    def __init__(self, snowflake: Snowflake, run_id: str) -> None:
        self._snowflake = snowflake
        self._run_id = run_id
        self._held_at = time.monotonic()
        snowflake.keep = self.hold

    def hold(self) -> None:
        """Called between two statements that take their time."""
        if time.monotonic() - self._held_at < lease.LEASE_SECONDS / 2:
            return
        seconds = lease.LEASE_SECONDS
        self._snowflake.run(set_statements.hold_leases(self._run_id, seconds))
        self._held_at = time.monotonic()


def _begin(snowflake: Snowflake, group: Group, found: Extracted) -> dict[str, Asked]:
    """Takes the leases, and returns what each table asks for."""
    seconds = lease.LEASE_SECONDS
    snowflake.run(set_statements.take_leases(group.name, group.run_id, seconds))
    rows = snowflake.run_list(set_statements.read_states(group.name))
    lease.require_commits(
        snowflake,
        rows[0]["OPEN_TRANSACTION"] if rows else None,
        lambda: release(snowflake, group.run_id),
    )
    asked: dict[str, Asked] = {}
    abandoned: list[tuple[str, str]] = []
    for row in rows:
        table = str(row["TABLE_NAME"])
        if row["LEASE_RUN_ID"] != group.run_id:
            _fail(group, found, table, _held(row["LEASE_RUN_ID"]))
            continue
        read.check_dates(row)
        state = read.state_of(row)
        found.states[table] = state
        if state.previous_run_id:
            abandoned.append((state.previous_run_id, table))
        if state.paused:
            found.steps.append(group.step(table, step="extract", status="paused"))
            continue
        _ask(group, found, state, asked)
    for statement in set_statements.insert_abandoned_runs(abandoned):
        snowflake.run(statement)
    return asked


def _ask(
    group: Group, found: Extracted, state: TableState, asked: dict[str, Asked]
) -> None:
    settings = state.settings
    try:
        read.check_target(state)
        if settings.mode == "log":
            return
        if progress.needs_snapshot(state):
            _note(group, found, settings.name, None)
            return
        request = extraction_requests.next_window(
            settings, progress.start(state), group.run_id
        )
    except SyncError as error:
        _fail(group, found, settings.name, error)
        return
    known = groups_quiet.known_columns(state)
    asked[settings.name] = Asked(request, known, settings.max_parallel)


def _ask_logs(
    snowflake: Snowflake,
    group: Group,
    found: Extracted,
    asked: dict[str, Asked],
    between: Callable[[], None],
) -> dict[str, str]:
    """Adds what tables of mode log ask for; returns the position that each asks for."""
    done = {step.table for step in found.steps}
    states = {
        name: state
        for name, state in found.states.items()
        if state.settings.mode == "log" and name not in done
    }
    upto: dict[str, str] = {}
    for name, begun in logs.begin(snowflake, group.run_id, states, between).items():
        if isinstance(begun, logs.First):
            asked[name] = begun.asked
            upto[name] = begun.upto
        else:
            _note(group, found, name, begun)
    return upto


def _held(owner: str | None) -> LeaseError:
    return LeaseError("lease_held", f"Run {owner or '?'} is syncing the table.")


def _note(group: Group, found: Extracted, table: str, answer: Answer) -> None:
    """Notes what is left to do for a table."""
    identity = found.states[table].identity
    blank = {"step": "extract", "identity": identity}
    if isinstance(answer, SyncError) and answer.code not in _LEFT_TO_LOAD:
        _fail(group, found, table, answer)
        return
    reply = groups_quiet.usable(answer) if isinstance(answer, Extraction) else None
    if reply is None:
        found.steps.append(group.step(table, status="alone", **blank))
        return
    found.replies[table] = reply
    found.steps.append(
        group.step(table, status="succeeded", message=encode(reply), **blank)
    )


def _fail(group: Group, found: Extracted, table: str, error: SyncError) -> None:
    state = found.states.get(table)
    blank = group.step(
        table,
        step="extract",
        status="failed",
        identity=state.identity if state else None,
    )
    found.steps.append(groups_steps.failed(blank, error))


def _record(
    snowflake: Snowflake, group: Group, found: Extracted, quiet: Sequence[Quiet]
) -> None:
    """Notes everything: watermarks, runs, steps; and gives back what has no work."""
    commits = [
        (q.found.settings.name, q.found.settings.origin, q.commit)
        for q in quiet
        if q.commit is not None
    ]
    for statement in set_statements.insert_watermarks(group.run_id, commits):
        snowflake.run(statement)
    sent = snowflake.statements
    for statement in set_statements.insert_unchanged_runs(
        [q.run for q in quiet], statements=sent
    ):
        snowflake.run(statement)
    failed = [
        (groups_steps.run_of(step), groups_steps.error_of(step))
        for step in found.of("failed")
    ]
    for statement in set_statements.insert_failed_runs(failed, statements=sent):
        snowflake.run(statement)
    found.unchanged = sorted(q.found.settings.name for q in quiet)
    if group.lanes:
        _assign(snowflake, group, found)
    steps = list(found.steps)
    for at in range(0, len(found.unchanged), _NAMES_PER_STEP):
        names = found.unchanged[at : at + _NAMES_PER_STEP]
        listed = json.dumps({"unchanged": names})
        steps.append(group.step(step="extract", status="done", message=listed))
    groups_steps.record(snowflake, steps)
    snowflake.run(set_statements.release_done(group.run_id))


def _assign(snowflake: Snowflake, group: Group, found: Extracted) -> None:
    """Gives each table with work a place in a lane."""
    working = [step.table or "" for step in found.of("succeeded", "alone")]
    past = {}
    if len(working) > group.lanes:
        # Otherwise each has a lane of its own, whatever it takes.
        rows = snowflake.run_list(set_statements.read_past(group.name, _PAST_DAYS))
        past = {
            str(row["TABLE_NAME"]): Past(
                None if row["SECONDS"] is None else float(row["SECONDS"]),
                row["LAST_ERROR"] in _UNFINISHED,
            )
            for row in rows
        }
    places = groups_lanes.assign(working, past, group.lanes)
    found.steps = [
        (
            dataclasses.replace(step, **vars(places[step.table or ""]))
            if step.table in places
            else step
        )
        for step in found.steps
    ]
