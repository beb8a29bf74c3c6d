"""What a run appends to the ledgers."""

from snowpark.columns.shape import Change, Shape
from snowpark.errors import SyncError
from snowpark.ledger import end_statements, lease, statements
from snowpark.ledger.records import MOVING, Commit
from snowpark.ledger.run import Run
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings

# Rows that the end of a run appends: the run and its watermark.
_APPENDED_BY_END = 2


def record_commit(
    snowflake: Snowflake, settings: TableSettings, run_id: str, commit: Commit
) -> None:
    """Appends the watermark row of a commit, its column changes and altered values."""
    if commit.kind in MOVING:
        row = statements.insert_watermark(
            settings.name, run_id, settings.origin, commit
        )
    else:
        row = statements.insert_touch(settings.name, run_id, commit)
    snowflake.run(row)
    record_shape(snowflake, settings.name, run_id, commit.shape, commit.changes)
    for statement in statements.insert_altered_values(
        settings.name, run_id, commit.altered
    ):
        snowflake.run(statement)


def record_end(
    snowflake: Snowflake,
    settings: TableSettings,
    run: Run,
    commit: Commit,
    based_on: int,
) -> None:
    """Appends watermark and run by one statement, if the fence lets them pass.

    Raises:
        LeaseError: "lease_lost".
    """
    ended = end_statements.insert_end(
        run,
        settings.origin,
        commit,
        based_on=based_on,
        statements=snowflake.statements + 1,
    )
    (counts,) = snowflake.run(ended)
    # One row in each of the two tables, however Snowflake tells it.
    if sum(int(count) for count in counts) != _APPENDED_BY_END:
        raise lease.lost()
    run.recorded = True


def record_shape(
    snowflake: Snowflake,
    table: str,
    run_id: str,
    shape: Shape | None,
    changes: tuple[Change, ...],
) -> None:
    """Appends the columns of a table, and what happened to them, if anything did."""
    if shape is not None:
        snowflake.run(statements.insert_shape(table, run_id, shape))
    for statement in statements.insert_schema_changes(table, run_id, changes):
        snowflake.run(statement)


def record_run(
    snowflake: Snowflake, run: Run, status: str, error: SyncError | None = None
) -> None:
    """Appends the row of a finished run."""
    snowflake.run(
        statements.insert_run(
            run, status=status, statements=snowflake.statements + 1, error=error
        )
    )
    run.recorded = True
