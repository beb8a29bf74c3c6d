"""PURE: the SQL texts that move rows: staging, target, COPY, MERGE, reload.

Values are bound with question marks; names are quoted by `identifiers`. Tested against
tests/golden/*.sql.
"""

from collections.abc import Sequence

from lambda_extract.contract import File
from snowpark.columns import LoadColumn
from snowpark.identifiers import EXTRACTED_AT, RUN_ID, quote
from snowpark.model import Statement


def create_staging(staging: str, columns: Sequence[LoadColumn]) -> Statement:
    """Creates the staging table of a run, empty, or empties it."""
    lines = ",\n    ".join(f"{quote(c.name)} {c.staging_type}" for c in columns)
    return Statement(f"""\
CREATE OR REPLACE TRANSIENT TABLE {staging} (
    {lines}
)
DATA_RETENTION_TIME_IN_DAYS = 0""")


def drop_staging(staging: str) -> Statement:
    """Drops the staging table of a run."""
    return Statement(f"DROP TABLE IF EXISTS {staging}")


def create_target(target: str, columns: Sequence[LoadColumn]) -> Statement:
    """Creates a target where there is none."""
    lines = [f"{quote(c.name)} {c.source.snowflake_type}" for c in columns if c.loaded]
    lines += [f"{quote(RUN_ID)} VARCHAR(64)", f"{quote(EXTRACTED_AT)} TIMESTAMP_TZ(6)"]
    body = ",\n    ".join(lines)
    return Statement(f"""\
CREATE TABLE IF NOT EXISTS {target} (
    {body}
)""")


def describe_target(target: str) -> Statement:
    """Reads the columns of a target."""
    return Statement(f"DESCRIBE TABLE {target}")


def add_columns(target: str, columns: Sequence[tuple[str, str]]) -> Statement:
    """Adds columns; harmless where another run added them already."""
    lines = ", ".join(f"{quote(name)} {kind}" for name, kind in columns)
    return Statement(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {lines}")


def widen_column(target: str, name: str, kind: str) -> Statement:
    """Gives a column a wider type."""
    return Statement(
        f"ALTER TABLE {target} ALTER COLUMN {quote(name)} SET DATA TYPE {kind}"
    )


def copy_files(
    staging: str, columns: Sequence[LoadColumn], files: Sequence[File]
) -> Statement:
    """Loads exactly these files (at most 1000) into the staging table."""
    names = ", ".join(quote(c.name) for c in columns)
    paths = ",\n    ".join(_literal(f.path) for f in files)
    return Statement(f"""\
COPY INTO {staging} ({names})
FROM @control.landing
FILES = (
    {paths}
)
FILE_FORMAT = (FORMAT_NAME = 'control.landing_csv')
ON_ERROR = ABORT_STATEMENT""")


def _literal(text: str) -> str:
    # COPY takes no bound values. Paths come from a checked manifest; quoting stays
    # anyway.
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def key_bounds(staging: str, key: LoadColumn) -> Statement:
    """Reads the lowest and highest first key column of the staged rows, as text."""
    name = quote(key.name)
    return Statement(
        f"SELECT TO_VARCHAR(MIN({name})) AS lowest, TO_VARCHAR(MAX({name})) AS highest"
        f" FROM {staging}"
    )


def merge(
    target: str,
    staging: str,
    columns: Sequence[LoadColumn],
    key: Sequence[LoadColumn],
    *,
    cursor: LoadColumn | None,
    bounds: tuple[str, str] | None,
    run_id: str,
    extracted_at: str,
) -> Statement:
    """Merges staged rows by key; of several rows with one key the newest counts.

    A MERGE inserts ALL unmatched duplicates, so they are removed before. `bounds`
    repeats the range of the first key column as constants, so that Snowflake prunes
    partitions. A key column that may be NULL is compared with EQUAL_NULL: NULL = NULL
    never matches, and the row would be inserted again with every sync.
    """
    loaded = [c for c in columns if c.loaded]
    keys = {c.name for c in key}
    values = [c for c in loaded if c.name not in keys]
    partition = ", ".join(quote(c.name) for c in key)
    newest = f"{quote(cursor.name)} DESC NULLS LAST" if cursor else partition
    on = [_equal(c) for c in key]
    params: list[str | int | float | bool | None] = []
    if bounds:
        first = key[0]
        kind = first.source.snowflake_type
        bound = f"CAST(? AS {kind})"
        on.append(f"target.{quote(first.name)} BETWEEN {bound} AND {bound}")
        params += bounds
    sets = [f"{quote(c.name)} = source.{quote(c.name)}" for c in values]
    sets += [f"{quote(RUN_ID)} = ?", f"{quote(EXTRACTED_AT)} = TO_TIMESTAMP_TZ(?)"]
    params += [run_id, extracted_at, run_id, extracted_at]
    names = [quote(c.name) for c in loaded] + [quote(RUN_ID), quote(EXTRACTED_AT)]
    inserts = [f"source.{quote(c.name)}" for c in loaded]
    inserts += ["?", "TO_TIMESTAMP_TZ(?)"]
    selected = _selected(loaded, ",\n        ")
    assignments = ",\n    ".join(sets)
    text = f"""\
MERGE INTO {target} AS target
USING (
    SELECT
        {selected}
    FROM {staging}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {partition} ORDER BY {newest}) = 1
) AS source
ON {" AND ".join(on)}
WHEN MATCHED THEN UPDATE SET
    {assignments}
WHEN NOT MATCHED THEN INSERT (
    {", ".join(names)}
) VALUES (
    {", ".join(inserts)}
)"""
    return Statement(text, tuple(params))


def _equal(column: LoadColumn) -> str:
    name = quote(column.name)
    if column.source.nullable:
        return f"EQUAL_NULL(target.{name}, source.{name})"
    return f"target.{name} = source.{name}"


def _selected(columns: Sequence[LoadColumn], separator: str) -> str:
    return separator.join(
        (
            quote(c.name)
            if c.expression == quote(c.name)
            else f"{c.expression} AS {quote(c.name)}"
        )
        for c in columns
    )


def overwrite(
    target: str,
    staging: str,
    columns: Sequence[LoadColumn],
    *,
    run_id: str,
    extracted_at: str,
) -> Statement:
    """Replaces all rows of the target inside the current transaction.

    Unlike SWAP this is DML: it commits together with the watermark, readers see the old
    rows until then, and grants stay (sql-reference/sql/insert).
    """
    loaded = [c for c in columns if c.loaded]
    names = [quote(c.name) for c in loaded] + [quote(RUN_ID), quote(EXTRACTED_AT)]
    selected = _selected(loaded, ",\n    ")
    return Statement(
        f"""\
INSERT OVERWRITE INTO {target} (
    {", ".join(names)}
)
SELECT
    {selected},
    ?,
    TO_TIMESTAMP_TZ(?)
FROM {staging}""",
        (run_id, extracted_at),
    )
