"""Rows that share their key: counts do not add up, and the policy says what then."""

from snowpark.errors import LoadError
from snowpark.ledger.run import Run
from snowpark.settings.table import TableSettings


def check(run: Run, settings: TableSettings, sharing: int) -> None:
    """Fails or warns if rows share their key with another row.

    Args:
        sharing: How many rows do; 0 or less: none.

    Raises:
        LoadError: "duplicate_keys", if the policy is to fail.
    """
    if sharing <= 0:
        return
    message = f"{sharing} rows of the source share their key with another row"
    if settings.duplicate_keys == "fail":
        raise LoadError("duplicate_keys", f"{message}; nothing of them was loaded.")
    run.warn(
        "duplicate_keys",
        f"{message}: an update of one of them overwrites the others in the target.",
        'Configure a "key" that is unique; rows of inheritance children need a table of'
        " their own.",
    )
