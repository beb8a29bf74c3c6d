"""One table's steps of a group run: load what was extracted, then merge it.

A step that is called again finds in the ledger that it is done, so a task may be
repeated. The run's lease and the fence of each commit are those of every sync.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from lambda_extract.contract import ContractError, ExtractReply, decode_reply
from snowpark import arguments
from snowpark.errors import SyncError, UsageError
from snowpark.groups import steps as groups_steps
from snowpark.groups.statements import GroupStep
from snowpark.ledger import lease, write
from snowpark.ledger import read as ledger_read
from snowpark.ledger import run as ledger_run
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load import staging
from snowpark.sync import increment, lifecycle, sync
from snowpark.sync.increment import Extracted
from snowpark.warehouse import Warehouse


def load_table(
    warehouse: Warehouse, table_name: object, group_run_id: str | None = None
) -> dict[str, Any]:
    """Loads a table's extracted files; does the whole sync where it goes alone.

    Args:
        group_run_id: Default: the latest run of the task graph of the table's group.

    Raises:
        SyncError: Of this step, or of the extraction.
    """
    table = arguments.table_name(table_name)
    steps = _steps(warehouse, table, group_run_id)
    loads = [step for step in steps if step.step == "load"]
    extracted = steps[0]
    if loads and loads[-1].status == "failed":
        return _again(warehouse, extracted, loads[-1])
    if loads:
        return _short(loads[-1], "The step was done before.")
    if extracted.status == "paused":
        return _short(extracted, "The table is paused.")
    if extracted.status == "failed":
        raise _refused(warehouse, extracted)
    run = groups_steps.run_of(extracted)
    found = _owned(warehouse, extracted, run, "load")
    reply = _reply(extracted)
    if reply is None or found.identity != extracted.identity:
        return _sync_alone(warehouse, extracted, run, found)

    def stage() -> bool:
        return increment.stage_first(warehouse, found, run, reply)

    staged = _guarded(warehouse, extracted, run, "load", stage)
    message = {"staged": staged, "load_seconds": round(run.tally.seconds.load, 3)}
    done = _step(extracted, "load", "succeeded", message)
    groups_steps.record(warehouse, [done])
    return _short(done, f"{reply.rows} rows in {len(reply.files)} files are staged.")


def merge_table(
    warehouse: Warehouse, table_name: object, group_run_id: str | None = None
) -> dict[str, Any]:
    """Merges what was loaded, reads on where there is more, and ends the table's run.

    Args:
        group_run_id: Default: the latest run of the task graph of the table's group.

    Raises:
        SyncError: Committed windows stay.
    """
    table = arguments.table_name(table_name)
    steps = _steps(warehouse, table, group_run_id)
    last = steps[-1]
    if last.status == "paused":
        return _short(last, "The table is paused.")
    if last.step == "merge" and last.status == "succeeded" or last.status == "done":
        return _short(last, "The step was done before.")
    if last.step == "merge" and last.status == "failed":
        return _again(warehouse, steps[0], last)
    loaded = [s for s in steps if s.step == "load" and s.status == "succeeded"]
    if not loaded:
        raise UsageError(
            "nothing_loaded", "The load step of this run has not succeeded."
        ).about(table, last.group_run_id)
    extracted, notes = steps[0], json.loads(loaded[-1].message or "{}")
    run = groups_steps.run_of(extracted)
    found = _owned(warehouse, extracted, run, "merge")
    reply = _reply(extracted)
    first = None
    if reply is not None and found.identity == extracted.identity:
        first = Extracted(reply, bool(notes.get("staged")))
        ledger_run.note_load(run, float(notes.get("load_seconds", 0.0)))
    return _sync(warehouse, extracted, run, found, "merge", first)


def settle(
    warehouse: Warehouse, table: str, steps: Sequence[GroupStep]
) -> dict[str, Any] | SyncError:
    """Returns the report of a table's run, or its error; closes a run that was lost."""
    last = steps[-1]
    if last.status == "failed":
        error = groups_steps.error_of(last)
        if last.step == "extract":
            _record_failure(warehouse, last, error)
        return error.about(table, last.group_run_id)
    if last.status == "paused":
        return {"table": table, "status": "paused"}
    if last.status == "done" or last.step == "merge":
        report: dict[str, Any] = json.loads(last.message or "{}")
        return report
    lost = SyncError(
        "step_lost",
        f"The run ended without a word after its step {last.step!r}.",
        retryable=True,
        hint="Nothing to do: the next run starts from the last commit. If it happens"
        " again, look at the table's tasks in the task history.",
    )
    _record_failure(warehouse, last, lost)
    found = ledger_read.read_state(warehouse, table)
    staging.drop_staging(warehouse, staging.Job(found.settings, last.group_run_id))
    return lost.about(table, last.group_run_id)


def _steps(
    warehouse: Warehouse, table: str, group_run_id: str | None
) -> list[GroupStep]:
    steps = groups_steps.of_table(warehouse, table, group_run_id)
    if not steps:
        ledger_read.read_state(
            warehouse, table
        )  # An unknown table has an error of its own.
        raise UsageError(
            "nothing_extracted", "No group run has extracted the table."
        ).about(table, group_run_id)
    return steps


def _reply(extracted: GroupStep) -> ExtractReply | None:
    """Returns the window of the extract step; None where it left all to this step."""
    if extracted.message is None:
        return None
    try:
        reply = decode_reply(extracted.message)
    except ContractError:
        return None  # Written by another version of the product: read again.
    return reply if isinstance(reply, ExtractReply) else None


def _owned(
    warehouse: Warehouse, extracted: GroupStep, run: Run, step: Any
) -> TableState:
    """Returns the state of the table after proving that the run still owns it."""

    def read() -> TableState:
        lease.hold_lease(warehouse, run.table, run.id)
        return ledger_read.read_state(warehouse, run.table)

    return _guarded(warehouse, extracted, run, step, read)


def _again(
    warehouse: Warehouse, extracted: GroupStep, failed: GroupStep
) -> dict[str, Any]:
    """Repeats a failed step by a whole sync: its run has given the lease back.

    Raises:
        SyncError: The step's own again, where a retry does not help; or the sync's.
    """
    error = groups_steps.error_of(failed).about(failed.table, failed.group_run_id)
    if not error.retryable:
        raise error
    try:
        report = sync.sync_table(warehouse, failed.table)
    except SyncError as newer:
        groups_steps.record(warehouse, [groups_steps.failed(failed, newer)])
        raise
    groups_steps.record(warehouse, [_step(extracted, failed.step, "done", report)])
    return report


def _refused(warehouse: Warehouse, extracted: GroupStep) -> SyncError:
    """Returns the extraction's error, after recording it as that of the load step."""
    error = groups_steps.error_of(extracted).about(
        extracted.table, extracted.group_run_id
    )
    _record_failure(warehouse, extracted, error)
    failed = groups_steps.failed(_step(extracted, "load", "failed"), error)
    groups_steps.record(warehouse, [failed])
    return error


def _record_failure(warehouse: Warehouse, step: GroupStep, error: SyncError) -> None:
    run = groups_steps.run_of(step)
    write.record_run(warehouse, run, "failed", error)
    lease.release_lease(warehouse, run.table, run.id)


def _sync_alone(
    warehouse: Warehouse, extracted: GroupStep, run: Run, found: TableState
) -> dict[str, Any]:
    return _sync(warehouse, extracted, run, found, "load", None)


def _sync(
    warehouse: Warehouse,
    extracted: GroupStep,
    run: Run,
    found: TableState,
    step: Any,
    first: Extracted | None,
) -> dict[str, Any]:
    """Brings the table up to date; it needs no further step then."""

    def work() -> None:
        sync.bring_up_to_date(warehouse, found, run, first=first)

    if first is not None and first.staged:
        run.staged.append(staging.Job(found.settings, run.id, run.purpose).staging)
    try:
        report = lifecycle.run_owned(warehouse, found, run, work)
    except SyncError as error:
        failed = groups_steps.failed(_step(extracted, step, "failed"), error)
        groups_steps.record(warehouse, [failed])
        raise
    status = "done" if step == "load" else "succeeded"
    groups_steps.record(warehouse, [_step(extracted, step, status, report)])
    return report


def _guarded(
    warehouse: Warehouse,
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
        lifecycle.drop_staged(warehouse, run)
        _record_failure(warehouse, failed, error)
        groups_steps.record(warehouse, [failed])
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
        extracted.origin,
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
