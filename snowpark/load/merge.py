"""From staged rows to target rows: merge or overwrite."""

from collections.abc import Sequence

from snowpark.columns import keys
from snowpark.columns.alignment import Alignment
from snowpark.columns.column import LoadColumn
from snowpark.errors import UsageError
from snowpark.ledger.run import Counts
from snowpark.load import history, statements
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake


def batch(job: Job, aligned: Alignment, key: Sequence[str], extracted_at: str) -> Batch:
    """Returns the staged rows as the statements want them.

    Raises:
        UsageError: "delete_column_missing".
    """
    settings = job.settings
    by_source = {c.source.name: c for c in aligned.columns if c.loaded}
    deleted = None
    if settings.deletes == "soft_column":
        deleted = by_source.get(settings.delete_column or "")
        if deleted is None:
            raise UsageError(
                "delete_column_missing",
                f"The source has no column {settings.delete_column}.",
            )
    return Batch(
        target=settings.target,
        staging=job.staging,
        columns=aligned.columns,
        blanks=aligned.blanks,
        key=tuple(by_source[name] for name in key),
        cursors=tuple(by_source[c] for c in settings.cursors if c in by_source),
        deleted=deleted,
        soft_deletes=settings.deletes_softly,
        run_id=job.run_id,
        extracted_at=extracted_at,
        history=history.versions(settings, aligned, by_source, key),
        gone=next((c for c in aligned.columns if c.source.role == "gone"), None),
        keeps_gone=settings.deletes == "none",
    )


def merge_rows(snowflake: Snowflake, rows: Batch) -> Counts:
    """Merges the staged rows into the target, inside the current transaction.

    Raises:
        SnowflakeError: Snowflake refused the MERGE.
    """
    bounds = _key_bounds(snowflake, rows.staging, rows.key[0])
    if rows.history is not None:
        return history.merge_versions(snowflake, rows, bounds)
    statement = statements.merge(rows, bounds)
    known = [column.name for column in rows.columns]
    (row,) = snowflake.run(statement, tell_only=known)
    changed = row.as_dict()
    return Counts(
        inserted=int(changed.get("number of rows inserted", 0)),
        updated=int(changed.get("number of rows updated", 0)),
        deleted=int(changed.get("number of rows deleted", 0)),
    )


def _key_bounds(
    snowflake: Snowflake, staging: str, first: LoadColumn
) -> tuple[str, str] | None:
    if not keys.is_bounded(first):
        return None
    (row,) = snowflake.run(statements.key_bounds(staging, first), tell_only=())
    return (str(row[0]), str(row[1])) if row[0] is not None else None


def lock_target(snowflake: Snowflake, rows: Batch) -> bool:
    """Locks the target until the end of the transaction.

    Returns:
        False if it has no row, or no key to name one by.
    """
    if not rows.key:
        return False
    locked = snowflake.changed_rows(statements.lock_target(rows), tell_only=())
    return locked > 0


def overwrite_rows(snowflake: Snowflake, rows: Batch) -> Counts:
    """Replaces the rows of the target, inside the current transaction.

    Of a history, what is gone is closed, and what is new or different begins.
    """
    if rows.history is not None:
        return history.replace_versions(snowflake, rows)
    known = [column.name for column in rows.columns]
    (row,) = snowflake.run(statements.overwrite(rows), tell_only=known)
    return Counts(inserted=int(row[0]))
