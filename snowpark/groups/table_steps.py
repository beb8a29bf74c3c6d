"""One table's steps of a group run: load what was extracted, then merge it.

A step that is called again finds in the ledger that it is done, so a task may be
repeated. The run's lease and the fence of each commit are those of every sync.
"""

import dataclasses
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from lambda_extract.contract import ContractError, ExtractReply, decode_reply
from snowpark import arguments, names
from snowpark.errors import SyncError, UsageError
from snowpark.groups import set_statements
from snowpark.groups import steps as groups_steps
from snowpark.groups.statements import GroupStep
from snowpark.groups.steps import Outcome
from snowpark.ledger import lease, write
from snowpark.ledger import read as ledger_read
from snowpark.ledger import run as ledger_run
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load import staging
from snowpark.session import Snowflake
from snowpark.sync import increment, lifecycle, sync
from snowpark.sync.increment import Extracted
from snowpark.tidy import leftovers
from snowpark.tidy import statements as tidy_statements


def load_table(
    snowflake: Snowflake, table_name: object, group_run_id: str | None = None
) -> dict[str, Any]:
    """Loads a table's extracted files; does the whole sync if it goes alone.

    Args:
        group_run_id: Default: the latest run of the task graph of the table's group.

    Raises:
        SyncError: Of this step, or of the extraction.
    """
    table = arguments.table_name(table_name)
    steps = _steps(snowflake, table, group_run_id)
    loads = [step for step in steps if step.step == "load"]
    extracted = steps[0]
    if loads and loads[-1].status == "failed":
        return _again(snowflake, extracted, loads[-1])
    if loads:
        return _short(loads[-1], "The step was done before.")
    if extracted.status == "paused":
        return _short(extracted, "The table is paused.")
    if extracted.status == "done":
        return _short(extracted, "Nothing is new in the source.")
    if extracted.status == "failed":
        raise _refused(snowflake, extracted)
    run = groups_steps.run_of(extracted)
    found = _owned(snowflake, extracted, run, "load")
    reply = reply_of(extracted)
    if reply is None or found.identity != extracted.identity:
        return _sync_alone(snowflake, extracted, run, found)

    def stage() -> bool:
        return increment.stage_first(snowflake, found, run, reply)

    staged = _guarded(snowflake, extracted, run, "load", stage)
    message = {"staged": staged, "load_seconds": round(run.tally.seconds.load, 3)}
    done = _step(extracted, "load", "succeeded", message)
    groups_steps.record(snowflake, [done])
    return _short(done, f"{reply.rows} rows in {len(reply.files)} files are staged.")


def merge_table(
    snowflake: Snowflake, table_name: object, group_run_id: str | None = None
) -> dict[str, Any]:
    """Merges what was loaded, reads on if there is more, and ends the table's run.

    Args:
        group_run_id: Default: the latest run of the task graph of the table's group.

    Raises:
        SyncError: Committed windows stay.
    """
    table = arguments.table_name(table_name)
    steps = _steps(snowflake, table, group_run_id)
    last = steps[-1]
    if last.status == "paused":
        return _short(last, "The table is paused.")
    if last.step == "merge" and last.status == "succeeded" or last.status == "done":
        return _short(last, "The step was done before.")
    if last.step == "merge" and last.status == "failed":
        return _again(snowflake, steps[0], last)
    loaded = [s for s in steps if s.step == "load" and s.status == "succeeded"]
    if not loaded:
        raise UsageError(
            "nothing_loaded", "The load step of this run has not succeeded."
        ).about(table, last.group_run_id)
    extracted, notes = steps[0], json.loads(loaded[-1].message or "{}")
    run = groups_steps.run_of(extracted)
    found = _owned(snowflake, extracted, run, "merge")
    reply = reply_of(extracted)
    first = None
    if reply is not None and found.identity == extracted.identity:
        first = Extracted(reply, bool(notes.get("staged")))
        ledger_run.note_load(run, float(notes.get("load_seconds", 0.0)))
    return _sync(snowflake, extracted, run, found, "merge", first)


def settled(table: str, steps: Sequence[GroupStep]) -> Outcome | None:
    """Returns the report of a table's run, or its error; None if the run was lost."""
    last = steps[-1]
    if last.status == "failed":
        return groups_steps.error_of(last).about(table, last.group_run_id)
    if last.status == "paused":
        return {"table": table, "status": "paused"}
    if last.status == "done" or last.step == "merge":
        report: dict[str, Any] = json.loads(last.message or "{}")
        return report
    return None


def close_lost(
    snowflake: Snowflake, last_steps: Sequence[GroupStep]
) -> dict[str, Outcome]:
    """Records the runs of tables that were lost on the way, and drops what they staged.

    A lane that dies has left many of them: few statements for all. Their leases are
    given back with those of the group.

    Args:
        last_steps: Of each table, the step it stopped after.
    """
    if not last_steps:
        return {}
    lost = [(groups_steps.run_of(step), _lost(step)) for step in last_steps]
    sent = snowflake.statements
    for statement in set_statements.insert_failed_runs(lost, statements=sent):
        snowflake.run(statement)
    run_id = last_steps[0].group_run_id
    shown = snowflake.run(tidy_statements.show_staging())
    for name in leftovers.of_run([str(row["name"]) for row in shown], run_id):
        snowflake.run(tidy_statements.drop_table(name))
    return {run.table: error.about(run.table, run_id) for run, error in lost}


def _lost(last: GroupStep) -> SyncError:
    return SyncError(
        "step_lost",
        f"The run stopped without a result after its step {last.step!r}.",
        retryable=True,
        hint="Nothing to do: the next run starts from the last commit. If it happens"
        " again, look at the table's tasks in the task history.",
    )


def common_staging(group: str, run_id: str, lane: int = 0) -> str:
    """Returns the quoted name of the staging table of all tables of a lane.

    They are loaded one after the other, and each makes it anew. Each call of a lane has
    one of its own: a task that is repeated while its first attempt lives may be at
    another table, and neither must ever merge the rows of the other's.

    Args:
        lane: From 1; 0: of a group that has none.
    """
    call = uuid.uuid4().hex[:8]
    return names.staging_name(f"{group[:150]}_{lane}_{call}", run_id, "LANE")


def sync_extracted(
    snowflake: Snowflake,
    extracted: GroupStep,
    found: TableState,
    reply: ExtractReply | None,
    staging: str,
) -> dict[str, Any]:
    """Brings a table up to date whose group has its lease; nothing is read again.

    If all goes well, whoever calls gives the lease back, with those of other tables.

    Args:
        reply: The first window; None: the table asks for itself.
        staging: See `common_staging`; whoever calls drops it.

    Raises:
        SyncError: Committed windows stay.
    """
    run = groups_steps.run_of(extracted)
    if reply is not None:
        run.staging = staging
    first = Extracted(reply, staged=False) if reply is not None else None

    def work() -> None:
        sync.bring_up_to_date(snowflake, found, run, first=first, captured=True)

    return lifecycle.run_owned(snowflake, found, run, work, release=False)


def _steps(
    snowflake: Snowflake, table: str, group_run_id: str | None
) -> list[GroupStep]:
    listed = groups_steps.of_table(snowflake, table, group_run_id)
    steps = [step for step in listed if step.table is not None]
    if not steps and table in groups_steps.unchanged(listed):
        quiet = [step for step in listed if step.table is None]
        return [dataclasses.replace(quiet[-1], table=table, message=None)]
    if not steps:
        ledger_read.read_state(
            snowflake, table
        )  # An unknown table has an error of its own.
        raise UsageError(
            "nothing_extracted", "No group run has extracted the table."
        ).about(table, group_run_id)
    return steps


def reply_of(extracted: GroupStep) -> ExtractReply | None:
    """Returns the window of the extract step; None if it left all to this step."""
    if extracted.message is None:
        return None
    try:
        reply = decode_reply(extracted.message)
    except ContractError:
        return None  # Written by another version of the product: read again.
    return reply if isinstance(reply, ExtractReply) else None


def _owned(
    snowflake: Snowflake, extracted: GroupStep, run: Run, step: Any
) -> TableState:
    """Returns the state of the table after proving that the run still owns it."""

    def read() -> TableState:
        lease.hold_lease(snowflake, run.table, run.id)
        return ledger_read.read_state(snowflake, run.table)

    return _guarded(snowflake, extracted, run, step, read)


def _again(
    snowflake: Snowflake, extracted: GroupStep, failed: GroupStep
) -> dict[str, Any]:
    """Repeats a failed step by a whole sync: its run has given the lease back.

    Raises:
        SyncError: The step's own again, if a retry does not help; or the sync's.
    """
    error = groups_steps.error_of(failed).about(failed.table, failed.group_run_id)
    if not error.retryable:
        raise error
    try:
        report = sync.sync_table(snowflake, failed.table)
    except SyncError as newer:
        groups_steps.record(snowflake, [groups_steps.failed(failed, newer)])
        raise
    groups_steps.record(snowflake, [_step(extracted, failed.step, "done", report)])
    return report


def _refused(snowflake: Snowflake, extracted: GroupStep) -> SyncError:
    """Returns the extraction's error, after recording it as that of the load step.

    The run ledger has it since the extraction.
    """
    error = groups_steps.error_of(extracted).about(
        extracted.table, extracted.group_run_id
    )
    failed = groups_steps.failed(_step(extracted, "load", "failed"), error)
    groups_steps.record(snowflake, [failed])
    return error


def record_failure(snowflake: Snowflake, step: GroupStep, error: SyncError) -> None:
    """Records a table's run as failed and gives its lease back."""
    run = groups_steps.run_of(step)
    write.record_run(snowflake, run, "failed", error)
    lease.release_lease(snowflake, run.table, run.id)


def _sync_alone(
    snowflake: Snowflake, extracted: GroupStep, run: Run, found: TableState
) -> dict[str, Any]:
    return _sync(snowflake, extracted, run, found, "load", None)


def _sync(
    snowflake: Snowflake,
    extracted: GroupStep,
    run: Run,
    found: TableState,
    step: Any,
    first: Extracted | None,
) -> dict[str, Any]:
    """Brings the table up to date; it needs no further step then."""

    def work() -> None:
        sync.bring_up_to_date(snowflake, found, run, first=first, captured=True)

    if first is not None and first.staged:
        run.staged.append(staging.Job(found.settings, run.id, run.purpose).staging)
    try:
        report = lifecycle.run_owned(snowflake, found, run, work)
    except SyncError as error:
        failed = groups_steps.failed(_step(extracted, step, "failed"), error)
        groups_steps.record(snowflake, [failed])
        raise
    status = "done" if step == "load" else "succeeded"
    groups_steps.record(snowflake, [_step(extracted, step, status, report)])
    return report


def _guarded(
    snowflake: Snowflake,
    extracted: GroupStep,
    run: Run,
    step: Any,
    work: Callable[[], Any],
) -> Any:
    """Does a part of a step; its error ends the table's run."""
    try:
        return work()
    except SyncError as error:
        error.about(run.table, run.id)
        failed = groups_steps.failed(_step(extracted, step, "failed"), error)
        lifecycle.drop_staged(snowflake, run)
        record_failure(snowflake, failed, error)
        groups_steps.record(snowflake, [failed])
        raise


def _step(
    extracted: GroupStep,
    step: Any,
    status: Any,
    message: dict[str, Any] | None = None,
) -> GroupStep:
    return GroupStep(
        extracted.group_run_id,
        extracted.group,
        extracted.trigger,
        table=extracted.table,
        step=step,
        status=status,
        identity=extracted.identity,
        message=None if message is None else json.dumps(message),
    )


def _short(step: GroupStep, summary: str) -> dict[str, Any]:
    return {
        "table": step.table,
        "run_id": step.group_run_id,
        "step": step.step,
        "summary": f"{step.table}: {summary}",
    }
