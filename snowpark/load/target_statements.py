"""PURE: the SQL texts that follow the source's columns: ALTER TABLE, and what is kept.

One change per statement: of several columns in one ADD COLUMN IF NOT EXISTS Snowflake
documents the option for the first (sql-reference/sql/alter-table). Tested against
tests/golden/*/*.sql.
"""

from collections.abc import Sequence

from snowpark.columns.column import LoadColumn
from snowpark.names import (
    DELETED,
    DELETED_AT,
    EXTRACTED_AT,
    IS_CURRENT,
    RUN_ID,
    VALID_FROM,
    VALID_TO,
)
from snowpark.sql import Statement, quote


def describe_target(target: str) -> Statement:
    """Reads the columns of a target."""
    return Statement(f"DESCRIBE TABLE {target}")


def add_column(target: str, name: str, kind: str) -> Statement:
    """Adds a column; harmless if another run added it already."""
    return Statement(
        f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {quote(name)} {kind}"
    )


def rename_column(target: str, old: str, new: str) -> Statement:
    """Gives a column another name; its values, grants and policies stay."""
    return Statement(f"ALTER TABLE {target} RENAME COLUMN {quote(old)} TO {quote(new)}")


def widen_column(target: str, name: str, kind: str) -> Statement:
    """Gives a column a wider type."""
    return Statement(
        f"ALTER TABLE {target} ALTER COLUMN {quote(name)} SET DATA TYPE {kind}"
    )


OWN_TYPES = (
    (RUN_ID, "VARCHAR(64)"),
    (EXTRACTED_AT, "TIMESTAMP_TZ(6)"),
    (DELETED_AT, "TIMESTAMP_TZ(6)"),
)
# The first one is there as long as there may be several versions of a row.
HISTORY_TYPES = (
    (IS_CURRENT, "BOOLEAN"),
    (VALID_FROM, "TIMESTAMP_TZ(6)"),
    (VALID_TO, "TIMESTAMP_TZ(6)"),
    (DELETED, "BOOLEAN"),
)


def drop_column(target: str, name: str) -> Statement:
    """Drops a column; harmless if another run dropped it already."""
    return Statement(f"ALTER TABLE {target} DROP COLUMN IF EXISTS {quote(name)}")


def create_target(
    target: str,
    columns: Sequence[LoadColumn],
    *,
    soft_deletes: bool,
    history: bool = False,
) -> Statement:
    """Creates a target if there is none.

    Its texts are compared as PostgreSQL compares keys, whatever DEFAULT_DDL_COLLATION
    the account, the database or the schema has; columns added later, too.
    """
    lines = [f"{quote(c.name)} {c.source.snowflake_type}" for c in columns if c.loaded]
    own = OWN_TYPES if soft_deletes else OWN_TYPES[:-1]
    kept = HISTORY_TYPES if history else ()
    lines += [f"{quote(name)} {kind}" for name, kind in (*own, *kept)]
    body = ",\n    ".join(lines)
    return Statement(f"""\
CREATE TABLE IF NOT EXISTS {target} (
    {body}
)
DEFAULT_DDL_COLLATION = ''""")
