"""The commit of target rows, watermark and run, behind its fence."""

from collections.abc import Iterator
from contextlib import contextmanager

from snowpark import sql
from snowpark.errors import SyncError
from snowpark.ledger import lease, write
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run
from snowpark.load.staging import Job
from snowpark.session import Snowflake


@contextmanager
def transaction(
    snowflake: Snowflake, job: Job, commit: Commit | None
) -> Iterator[None]:
    """Commits what the block sends, the watermark and the run together, or nothing.

    The fence is the last statement before COMMIT: the lease table is shared by all
    syncs and about 20 statements may wait for one table, so it is locked as briefly as
    can be. A failed statement does not end a transaction in Snowflake, hence the
    ROLLBACK.

    Args:
        commit: The watermark row; None if the watermark does not move.

    Raises:
        SyncError: Whatever failed; nothing of it was kept.
    """
    snowflake.run(sql.BEGIN)
    try:
        yield
        if commit:
            write.record_commit(snowflake, job.settings, job.run_id, commit)
        lease.hold_lease(snowflake, job.settings.name, job.run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise


def record_success(snowflake: Snowflake, run: Run) -> None:
    """Appends the row of a run that ends with this transaction."""
    write.record_run(snowflake, run, "succeeded")
