"""The commit of target rows, watermark and run, behind its fence."""

from collections.abc import Callable

from snowpark import sql
from snowpark.errors import SyncError
from snowpark.ledger import lease, write
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Counts
from snowpark.load.staging import Job
from snowpark.warehouse import Warehouse


def commit_rows(
    warehouse: Warehouse,
    job: Job,
    commit: Commit | None,
    change_rows: Callable[[], Counts],
    record: Callable[[Counts], None],
) -> None:
    """Commits target rows, watermark and run together, or nothing at all.

    The fence is the last statement before COMMIT: the lease table is shared by all
    syncs and about 20 statements may wait for one table, so it is locked as briefly as
    can be. A failed statement does not end a transaction in Snowflake, hence the
    ROLLBACK.

    Args:
        commit: The watermark row; None where the watermark does not move.
        change_rows: Sends the MERGE or the reload.
        record: Takes the counts into the run, and appends its row where it is over.

    Raises:
        SyncError: Whatever failed; nothing of it was kept.
    """
    warehouse.run(sql.BEGIN)
    try:
        record(change_rows())
        if commit:
            write.record_commit(warehouse, job.settings, job.run_id, commit)
        lease.hold_lease(warehouse, job.settings.name, job.run_id)
        warehouse.run(sql.COMMIT)
    except SyncError:
        warehouse.run(sql.ROLLBACK)
        raise
