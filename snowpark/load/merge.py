"""From staged rows to target rows: merge or overwrite."""

from collections.abc import Callable, Sequence
from functools import partial

from snowpark.columns import keys
from snowpark.columns.alignment import Alignment
from snowpark.errors import UsageError
from snowpark.ledger.run import Counts
from snowpark.load import history, statements
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake

# A micro-partition holds 50 to 500 MB uncompressed (user-guide/tables-clustering-
# micropartitions): a table with fewer rows has a handful of them, of which a range of
# keys spares less than the statement costs that reads it.
SMALL_ROWS = 1_000_000


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


def merger(target_rows: int | None) -> Callable[[Snowflake, Batch], Counts]:
    """Returns how rows are merged into a target of so many rows. PURE.

    Args:
        target_rows: None: not known.
    """
    bounded = target_rows is None or target_rows >= SMALL_ROWS
    return partial(merge_rows, bounded=bounded)


def merge_rows(snowflake: Snowflake, rows: Batch, *, bounded: bool = True) -> Counts:
    """Merges the staged rows into the target, inside the current transaction.

    Args:
        bounded: The range of the staged keys is read first, so that Snowflake leaves
            out the partitions of the target that have none of them.

    Raises:
        SnowflakeError: Snowflake refused the MERGE.
    """
    bounds, before = _key_bounds(snowflake, rows) if bounded else (None, None)
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
        before=before,
    )


def _key_bounds(
    snowflake: Snowflake, rows: Batch
) -> tuple[tuple[str, str] | None, int | None]:
    """Returns the range of the staged keys, and how many rows the target has."""
    first = rows.key[0]
    if not keys.is_bounded(first):
        return None, None
    statement = statements.key_bounds(rows.staging, rows.target, first)
    (row,) = snowflake.run(statement, tell_only=())
    bounds = (str(row[0]), str(row[1])) if row[0] is not None else None
    return bounds, int(row[2])


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
