"""The commit of target rows, watermark and run, behind its fence."""

from collections.abc import Callable

from snowpark import sql
from snowpark.errors import SyncError
from snowpark.ledger import fence, write
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run
from snowpark.load.staging import Job
from snowpark.session import Snowflake

# Sends what changes the target; returns the row that is committed with it, and whether
# the target is locked by then.
Work = Callable[[], tuple[Commit | None, bool]]


def commit(
    snowflake: Snowflake,
    job: Job,
    based_on: int,
    work: Work,
    ends: Run | None = None,
) -> Commit | None:
    """Commits what the work sends, the watermark and the run together, or nothing.

    The fence is the last statement before COMMIT, or a part of it. A failed statement
    does not end a transaction in Snowflake, hence the ROLLBACK.

    Args:
        based_on: Version of the table that the run knew before it extracted the rows.
        ends: Run that ends with this transaction.

    Returns:
        The row that was committed.

    Raises:
        SyncError: Whatever failed; nothing of it was kept.
    """
    snowflake.run(sql.BEGIN)
    try:
        row, locked = work()
        if ends and row and locked and row.is_plain and row.version > based_on:
            write.record_end(snowflake, job.settings, ends, row, based_on)
        else:
            _record(snowflake, job, based_on, row, locked, ends)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return row


def _record(
    snowflake: Snowflake,
    job: Job,
    based_on: int,
    row: Commit | None,
    locked: bool,
    ends: Run | None,
) -> None:
    if ends:
        write.record_run(snowflake, ends, "succeeded")
    if row:
        write.record_commit(snowflake, job.settings, job.run_id, row)
    fence.check(snowflake, job.settings.name, job.run_id, based_on, row, locked=locked)
