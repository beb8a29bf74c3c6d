"""PURE: the SQL texts that follow the source's columns: ALTER TABLE, and what is kept.

One change per statement: of several columns in one ADD COLUMN IF NOT EXISTS Snowflake
documents the option for the first (sql-reference/sql/alter-table). Tested against
tests/golden/*.sql.
"""

from collections.abc import Iterator, Sequence

from snowpark.columns.shape import Change, Shape
from snowpark.sql import Statement, quote

# A first load records each column, of which PostgreSQL allows 1,600.
_CHANGES_PER_INSERT = 500


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


def insert_shape(table: str, run_id: str, shape: Shape) -> Statement:
    """Appends the columns of a table as they are from this commit on."""
    return Statement(
        """\
INSERT INTO control.sync_columns (
    table_name, generation, run_id, shape, recorded_at
)
SELECT ?, ?, ?, ?, CURRENT_TIMESTAMP()""",
        (table, shape.generation, run_id, shape.to_json()),
    )


def insert_schema_changes(
    table: str, run_id: str, changes: Sequence[Change]
) -> Iterator[Statement]:
    """Appends what happened to the columns of a target, some hundred at a time."""
    for i in range(0, len(changes), _CHANGES_PER_INSERT):
        batch = changes[i : i + _CHANGES_PER_INSERT]
        params: list[str | int | None] = []
        for c in batch:
            params += [table, run_id, c.change, c.column, c.attnum]
            params += [c.target, c.old_column, c.source_type, c.old_type, c.new_type]
        rows = ",\n    ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(batch))
        yield Statement(
            f"""\
INSERT INTO control.sync_schema_changes (
    table_name, run_id, change, column_name, attribute_number,
    target_column, old_column_name, source_type, old_type, new_type, recorded_at
)
SELECT
    column1, column2, column3, column4, column5,
    column6, column7, column8, column9, column10, CURRENT_TIMESTAMP()
FROM VALUES
    {rows}""",
            tuple(params),
        )
