"""A reload that loses rows: reported, or stopped if it loses most of them."""

from snowpark.errors import UsageError
from snowpark.ledger.run import Counts
from snowpark.load import history, merge, statements
from snowpark.load.statements import Batch
from snowpark.session import Snowflake
from snowpark.sync import statements as sync_statements


class TooManyDeletes(UsageError):
    """The source has so few rows left that somebody may have emptied it by mistake."""


def overwrite_rows(max_percent: float, snowflake: Snowflake, rows: Batch) -> Counts:
    """Replaces the rows of the target, inside the current transaction.

    Args:
        max_percent: Of the target's rows, this many may be fewer than before; 100: all.

    Returns:
        By how many rows the table has shrunk as `deleted`.

    Raises:
        TooManyDeletes: The transaction has to be rolled back.
    """
    if rows.history is not None:
        return _replace_versions(max_percent, snowflake, rows)
    count = statements.count_rows(rows.target, soft_deletes=rows.soft_deletes)
    (row,) = snowflake.run(count, tell_only=())
    before = int(row[0])
    written = merge.overwrite_rows(snowflake, rows)
    fewer = max(before - written.inserted, 0)
    if fewer * 100 > before * max_percent:
        raise TooManyDeletes(
            "too_many_deletes",
            f"The source has {written.inserted} rows, the target {before}; more than"
            f" {max_percent:g} percent would be gone.",
        )
    return Counts(inserted=written.inserted, deleted=fewer)


def _replace_versions(max_percent: float, snowflake: Snowflake, rows: Batch) -> Counts:
    """The same for a history: its rows are the current versions."""
    history.prepare(snowflake, rows)
    (row,) = snowflake.run(sync_statements.count_gone(rows), tell_only=())
    alive, gone = int(row[0]), int(row[1])
    if gone * 100 > alive * max_percent:
        raise TooManyDeletes(
            "too_many_deletes",
            f"{gone} of {alive} rows are gone from the source; more than"
            f" {max_percent:g} percent.",
        )
    return merge.overwrite_rows(snowflake, history.prepared(rows))
