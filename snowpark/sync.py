"""THE PATH of one sync, top down."""

import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Literal

from snowpark import deletes, increment, report, snapshot
from snowpark.errors import ExtractError, SyncError, UsageError
from snowpark.extraction import progress
from snowpark.increment import Extracted
from snowpark.ledger import lease, read, write
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load import staging
from snowpark.settings import parse
from snowpark.warehouse import Warehouse

# sync: what is new. reload: the whole table, even where an increment would do.
# confirm_deletes: sync, then compare keys without the circuit breaker.
Action = Literal["sync", "reload", "confirm_deletes"]
# Purpose of the staging table, by kind of run; ROWS for all others.
_STAGED_AS = {"key_compare": "KEYS", "backfill": "BACKFILL", "repair": "REPAIR"}
# A new column may ask for a reload; another one may appear while that goes on.
_RELOADS = 2


def sync_table(
    warehouse: Warehouse, table_name: object, action: Action = "sync"
) -> dict[str, Any]:
    """Brings the target of one table up to date and returns a report.

    Args:
        table_name: Configured name, in any case.
        action: What to do beyond an ordinary sync.

    Raises:
        SyncError: With table, run, and what to do. The target and its watermark are as
            they were, or as the last committed window left them.
    """
    run = new_run(canonical_table(table_name))
    try:
        found = read.take_lease(warehouse, run.table, run.id)
    except SyncError as error:
        raise error.about(run.table, run.id)
    return run_owned(
        warehouse, found, run, lambda: bring_up_to_date(warehouse, found, run, action)
    )


def run_owned(
    warehouse: Warehouse, found: TableState, run: Run, work: Callable[[], None]
) -> dict[str, Any]:
    """Does the work of a run that owns its table; records it and gives the lease back.

    Raises:
        SyncError: Of the work, with table and run.
    """
    try:
        work()
    except SyncError as error:
        error.about(run.table, run.id)
        if not run.recorded:
            write.record_run(warehouse, run, "failed", error)
        if run.tally.files:
            # Nobody comes back to the rows of a failed run: each run stages its own.
            purpose = _STAGED_AS.get(run.tally.kind, "ROWS")
            staging.drop_staging(
                warehouse, staging.Job(found.settings, run.id, purpose)
            )
        raise
    finally:
        lease.release_lease(warehouse, run.table, run.id)
    return report.of_run(run, found)


def bring_up_to_date(
    warehouse: Warehouse,
    found: TableState,
    run: Run,
    action: Action = "sync",
    first: Extracted | None = None,
) -> None:
    """Does everything that is due for a table whose lease this run has.

    Args:
        first: The first window, where it has been extracted already.

    Raises:
        SyncError: Committed windows stay.
    """
    whole = action == "reload" or progress.needs_snapshot(found)
    for attempt in range(_RELOADS + 1):
        if whole:
            reloaded = _reload(warehouse, found, run, rebuild=action == "reload")
            if reloaded is None:
                return
            found = reloaded
        outcome = increment.run_increment(warehouse, found, run, attempt, first)
        first = None
        found = outcome.state
        if outcome.complete:
            break
        whole = True
        run.forget_or_begin("snapshot", _now())
    else:
        raise ExtractError("columns_changed", "Columns change faster than they load.")
    confirmed = action == "confirm_deletes"
    if confirmed or deletes.is_due(found):
        run.begin("key_compare", _now())
        deletes.compare_keys(warehouse, found, run, confirmed=confirmed)


def _reload(
    warehouse: Warehouse, found: TableState, run: Run, *, rebuild: bool
) -> TableState | None:
    """Replaces all rows; None where that is all there is to do."""
    of_one_moment = snapshot.run_snapshot(warehouse, found, run, rebuild=rebuild)
    if of_one_moment or found.settings.mode == "full":
        return None
    # Its parts are of different moments, some perhaps of an earlier call: whoever
    # called expects the table as it is now.
    run.begin("increment", _now())
    return read.read_state(warehouse, run.table)


def canonical_table(table_name: object) -> str:
    """Returns the name of a table as it is stored.

    Raises:
        UsageError: "invalid_argument": no text, or an empty one.
    """
    table = parse.canonical_name(table_name)
    if not table:
        raise UsageError("invalid_argument", "The table name is empty or not a text.")
    return table


def new_run(table: str) -> Run:
    """Returns a run that begins now; its id sorts by time."""
    now = datetime.now(timezone.utc)
    run_id = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
    return Run(id=run_id, table=table, started_at=now.isoformat())


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
