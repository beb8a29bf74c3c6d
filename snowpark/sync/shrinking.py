"""The reload of a full table that lost rows: reported, or stopped if it lost most."""

from snowpark.errors import UsageError
from snowpark.ledger.run import Counts
from snowpark.load import merge, statements
from snowpark.load.statements import Batch
from snowpark.session import Snowflake


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
    (row,) = snowflake.run(statements.count_rows(rows.target), tell_only=())
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
