"""One lane of a group's graph: loads and merges its tables, one after the other.

What a lane has done is in the run ledger, table by table. A lane that is called again
goes on behind that; a lane that dies leaves the rest to the finalizer.
"""

from typing import Any

from snowpark import arguments
from snowpark.errors import LeaseError, SyncError
from snowpark.groups import set_statements, table_steps
from snowpark.groups import steps as groups_steps
from snowpark.groups.extract import Holder
from snowpark.groups.statements import GroupStep
from snowpark.groups.steps import Outcome
from snowpark.ledger import read
from snowpark.ledger.records import TableState
from snowpark.load import statements as load_statements
from snowpark.session import Snowflake
from snowpark.sync import sync

_SHOWN = 10
# Leases that are given back by one statement.
_GIVEN_BACK = 20


def load_lane(snowflake: Snowflake, group_name: object, lane: object) -> dict[str, Any]:
    """Brings the tables of a lane up to date; one bad table stops no other.

    Raises:
        SyncError: "lane_failed" at the end, if a table has failed: the task history
            shows it, and Snowflake repeats the task if the group wants that.
    """
    name = arguments.group_name(group_name)
    number = arguments.number(lane, "lane")
    steps = groups_steps.of_lane(snowflake, name, number)
    if not steps:
        return {"group": name, "lane": number, "summary": "The lane has no table."}
    run_id = steps[0].group_run_id
    done = groups_steps.outcomes(snowflake, run_id)
    states = _states(snowflake, run_id, number)
    holder = Holder(snowflake, run_id)
    failed: dict[str, SyncError] = {}
    staging = table_steps.common_staging(steps[0].group, run_id, number)
    finished: list[str] = []
    try:
        for step in steps:
            holder.hold()
            table = step.table or ""
            error = _do(snowflake, step, states.get(table), done.get(table), staging)
            if error is not None:
                failed[table] = error
            finished.append(table)
            if len(finished) == _GIVEN_BACK:
                _give_back(snowflake, run_id, finished)
    finally:
        _give_back(snowflake, run_id, finished)
        snowflake.run(load_statements.drop_staging(staging))
    if failed:
        raise _failure(steps[0], number, failed)
    return {
        "group": steps[0].group,
        "lane": number,
        "run_id": run_id,
        "tables": len(steps),
        "summary": f"Lane {number}: {len(steps)} tables are in sync.",
    }


def _states(snowflake: Snowflake, run_id: str, lane: int) -> dict[str, TableState]:
    """Returns the state of the lane's tables whose lease the group still has."""
    rows = snowflake.run_list(set_statements.read_lane_states(run_id, lane))
    return {
        str(row["TABLE_NAME"]): read.state_of(row)
        for row in rows
        if row["LEASE_RUN_ID"] == run_id
    }


def _do(
    snowflake: Snowflake,
    step: GroupStep,
    found: TableState | None,
    before: Outcome | None,
    staging: str,
) -> SyncError | None:
    """Does one table; returns its error, which is in the ledger then."""
    try:
        if isinstance(before, SyncError):
            _repeat(snowflake, step, before)
        elif before is None and found is None:
            _taken_over(snowflake, step)
        elif before is None and found is not None:
            _sync(snowflake, step, found, staging)
    except SyncError as error:
        return error.about(step.table, step.group_run_id)
    return None


def _sync(
    snowflake: Snowflake, step: GroupStep, found: TableState, staging: str
) -> None:
    """Syncs a table with what was extracted, if that still holds."""
    reply = table_steps.reply_of(step) if found.identity == step.identity else None
    table_steps.sync_extracted(snowflake, step, found, reply, staging)


def _give_back(snowflake: Snowflake, run_id: str, tables: list[str]) -> None:
    """Gives back the leases of tables that are done, and forgets them."""
    if tables:
        snowflake.run(set_statements.release_some(run_id, tables))
        tables.clear()


def _taken_over(snowflake: Snowflake, step: GroupStep) -> None:
    error = LeaseError(
        "lease_lost", "The lease of this run expired and another run has it."
    )
    table_steps.record_failure(snowflake, step, error)
    raise error


def _repeat(snowflake: Snowflake, step: GroupStep, before: SyncError) -> None:
    """Repeats a table that has failed by a whole sync: its lease was given back."""
    if not before.retryable:
        raise before
    report = sync.sync_table(snowflake, step.table)
    groups_steps.record(snowflake, [groups_steps.done(step, report)])


def _failure(step: GroupStep, lane: int, failed: dict[str, SyncError]) -> SyncError:
    told = [f"{table} [{error.code}]" for table, error in failed.items()]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return SyncError(
        "lane_failed",
        f"Lane {lane} of group {step.group}: {len(failed)} tables failed:"
        f" {', '.join(told[:_SHOWN])}{more}.",
        retryable=any(error.retryable for error in failed.values()),
        hint="SYNC_PROBLEMS has each table with its error and what to do.",
    ).about(None, step.group_run_id)
