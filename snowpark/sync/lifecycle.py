"""The life of one run: its id, its lease, its record, and what it leaves behind."""

import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from snowpark.errors import SyncError
from snowpark.ledger import lease, write
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load import statements
from snowpark.session import Snowflake
from snowpark.sync import report


def run_owned(
    snowflake: Snowflake, found: TableState, run: Run, work: Callable[[], None]
) -> dict[str, Any]:
    """Does the work of a run that owns its table; records it and gives the lease back.

    Raises:
        SyncError: Of the work, with table and run.
    """
    try:
        _work(snowflake, run, work)
    except SyncError as error:
        raise error.about(run.table, run.id)
    return report.of_run(run, found)


def _work(snowflake: Snowflake, run: Run, work: Callable[[], None]) -> None:
    try:
        work()
    except SyncError as error:
        if not run.recorded:
            write.record_run(snowflake, run, "failed", error)
        raise
    finally:
        try:
            drop_staged(snowflake, run)
        finally:
            lease.release_lease(snowflake, run.table, run.id)


def drop_staged(snowflake: Snowflake, run: Run) -> None:
    """Drops the staging tables that a run has left.

    Nobody comes back to the rows of a failed run: each run stages its own.
    """
    while run.staged:
        snowflake.run(statements.drop_staging(run.staged.pop()))


def new_run(table: str) -> Run:
    """Returns a run that begins now; its id sorts by time."""
    now = datetime.now(timezone.utc)
    run_id = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
    return Run(id=run_id, table=table, started_at=now.isoformat())
