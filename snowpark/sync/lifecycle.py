"""The life of one run: its id, its lease, its record, and what it leaves behind."""

import json
import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from snowpark import spans
from snowpark.errors import SyncError
from snowpark.ledger import lease, write
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load import statements
from snowpark.session import Snowflake
from snowpark.sync import report

_LOG = logging.getLogger("aurora_sync")


def run_owned(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    work: Callable[[], None],
    *,
    release: bool = True,
) -> dict[str, Any]:
    """Does the work of a run that owns its table; records it and gives the lease back.

    Args:
        release: False: if all goes well, whoever calls gives it back.

    Raises:
        SyncError: Of the work, with table and run.
    """
    with spans.span("run", table=run.table, run_id=run.id) as span:
        try:
            _work(snowflake, run, work, release)
        except SyncError as error:
            _LOG.warning("run failed %s", _told(run, error_code=error.code))
            raise error.about(run.table, run.id)
        finally:
            span.tell(
                kind=run.tally.kind, windows=run.tally.windows, rows=run.tally.rows,
                files=run.tally.files, bytes=run.tally.bytes,
            )  # fmt: skip
    _LOG.info("run succeeded %s", _told(run))
    return report.of_run(run, found)


def _told(run: Run, **more: str) -> str:
    """What a log line says of a run: names and counts, no value of a row."""
    tally = run.tally
    fields = {
        "table": run.table, "run_id": run.id, "kind": tally.kind, "rows": tally.rows,
        "bytes": tally.bytes, "extract_seconds": round(tally.seconds.extract, 3),
        "load_seconds": round(tally.seconds.load, 3),
        "merge_seconds": round(tally.seconds.merge, 3),
    }  # fmt: skip
    return json.dumps(fields | more)


def _work(
    snowflake: Snowflake, run: Run, work: Callable[[], None], release: bool
) -> None:
    failed = True
    try:
        work()
        failed = False
    except SyncError as error:
        if not run.recorded:
            write.record_run(snowflake, run, "failed", error)
        raise
    finally:
        try:
            drop_staged(snowflake, run)
        finally:
            if failed or release:
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
