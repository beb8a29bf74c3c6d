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


def commit(snowflake: Snowflake, job: Job, based_on: int, work: Work) -> Commit | None:
    """Commits what the work sends, the watermark and the run together, or nothing.

    The fence is the last statement before COMMIT. A failed statement does not end a
    transaction in Snowflake, hence the ROLLBACK.

    Args:
        based_on: Version of the table that the run knew before it extracted the rows.

    Returns:
        The row that was committed.

    Raises:
        SyncError: Whatever failed; nothing of it was kept.
    """
    table = job.settings.name
    snowflake.run(sql.BEGIN)
    try:
        row, locked = work()
        if row:
            write.record_commit(snowflake, job.settings, job.run_id, row)
        fence.check(snowflake, table, job.run_id, based_on, row, locked=locked)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return row


def record_success(snowflake: Snowflake, run: Run) -> None:
    """Appends the row of a run that ends with this transaction."""
    write.record_run(snowflake, run, "succeeded")
