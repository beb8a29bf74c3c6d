"""PURE: the SQL texts that follow the source's columns: ALTER TABLE, and what is kept.

One change per statement: of several columns in one ADD COLUMN IF NOT EXISTS Snowflake
documents the option for the first (sql-reference/sql/alter-table). Tested against
tests/golden/*.sql.
"""

from snowpark.sql import Statement, quote


def describe_target(target: str) -> Statement:
    """Reads the columns of a target."""
    return Statement(f"DESCRIBE TABLE {target}")


def add_column(target: str, name: str, kind: str) -> Statement:
    """Adds a column; harmless where another run added it already."""
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
