"""PURE: the SQL texts that move rows: staging, target, COPY, MERGE, reload.

Values are bound with question marks; names are quoted by `identifiers`. Tested against
tests/golden/*/*.sql.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lambda_extract.contract import File
from snowpark.columns import keys
from snowpark.columns.column import LoadColumn
from snowpark.names import DELETED_AT, EXTRACTED_AT, RUN_ID
from snowpark.sql import Statement, quote


@dataclass(frozen=True)
class Versions:
    """How rows become versions of a history.

    Attributes:
        tracked: Columns whose change makes a version, but for the late ones.
        late: Those that versions do not know that were extracted before a moment
            (timestamptz text).
        cursor: Says since when a row is as it is; None: the extraction does.
        time_zone: Of a cursor without one.
        begins: True if rows of the target may be no versions yet.
        flagged: True if the target has a _SYNC_DELETED_AT.
        blanked: Target columns whose values are taken out of all versions.
    """

    tracked: tuple[LoadColumn, ...] = ()
    late: tuple[tuple[LoadColumn, str], ...] = ()
    cursor: LoadColumn | None = None
    time_zone: str = ""
    begins: bool = False
    flagged: bool = False
    blanked: tuple[str, ...] = ()
    forget_days: int | None = None


@dataclass(frozen=True)
class Batch:
    """Staged rows on their way into a target.

    Attributes:
        target: Quoted name.
        staging: Quoted name.
        columns: The columns of the files, those that stay behind included.
        key: Columns that identify a row.
        cursors: Their greatest value decides which of two rows with one key is newer.
        deleted: Column that says whether the row is deleted in the source.
        soft_deletes: True if the target flags deleted rows.
        blanks: Target columns without a source column, NULL in every row written.
        run_id: Written into every row.
        extracted_at: Written into every row; timestamptz text.
        history: How rows become versions; None: the target holds rows.
        gone: Column that is true for a key of which the source has no row.
        keeps_gone: Rows that are gone stay as they are.
    """

    target: str
    staging: str
    columns: tuple[LoadColumn, ...]
    key: tuple[LoadColumn, ...]
    cursors: tuple[LoadColumn, ...]
    deleted: LoadColumn | None
    soft_deletes: bool
    run_id: str
    extracted_at: str
    blanks: tuple[str, ...] = ()
    history: Versions | None = None
    gone: LoadColumn | None = None
    keeps_gone: bool = False

    @property
    def versions(self) -> Versions:
        """How rows become versions; for those who know that they do."""
        if self.history is None:
            raise ValueError("the target keeps no history")
        return self.history

    @property
    def loaded(self) -> tuple[LoadColumn, ...]:
        """The columns that reach the target."""
        return tuple(c for c in self.columns if c.loaded)

    @property
    def removes(self) -> bool:
        """True if a row that the source calls deleted leaves the target."""
        return self.deleted is not None and not self.soft_deletes


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


def list_files(folder: str) -> Statement:
    """Lists the files of a folder, with size and ETag (sql-reference/sql/list)."""
    return Statement(f"LIST {_literal('@control.landing/' + folder)}")


def _literal(text: str) -> str:
    # COPY takes no bound values. Paths come from a checked manifest; quoting stays
    # anyway.
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def key_bounds(staging: str, target: str, key: LoadColumn) -> Statement:
    """Reads the lowest and highest first key column of the staged rows, as text.

    The rows of the target come from metadata, without reading it.
    """
    name = quote(key.name)
    lowest = keys.text(key, f"MIN({name})")
    highest = keys.text(key, f"MAX({name})")
    low, high = keys.alias("LOWEST", [key]), keys.alias("HIGHEST", [key])
    counted = f"(SELECT COUNT(*) FROM {target}) AS {quote('TARGET_ROWS')}"
    return Statement(
        f"SELECT {lowest} AS {low}, {highest} AS {high}, {counted}\nFROM {staging}"
    )


def merge(batch: Batch, bounds: tuple[str, str] | None) -> Statement:
    """Merges staged rows by key; of several rows with one key the newest counts.

    A MERGE inserts ALL unmatched duplicates, so they are removed before. `bounds`
    repeats the range of the first key column as constants, so that Snowflake prunes
    partitions. A key column that may be NULL is compared with EQUAL_NULL: NULL = NULL
    never matches, and the row would be inserted again with every sync.

    A row that the source calls deleted is flagged or removed; one that it does not call
    deleted (any more) loses its flag: it is alive again. A row that is updated loses
    its values in columns that the source does not have any more.
    """
    key_names = {quote(c.name) for c in batch.key}
    partition = ", ".join(keys.staged(batch.key))
    newest = newest_first(batch.cursors) or partition
    on = [keys.equal(c) for c in batch.key]
    own, params = _own_values(batch)
    if bounds:
        first = batch.key[0]
        bound = f"CAST(? AS {first.source.snowflake_type})"
        on.append(f"target.{quote(first.name)} BETWEEN {bound} AND {bound}")
        params += bounds
    names = [quote(c.name) for c in batch.loaded] + [quote(name) for name, _ in own]
    selected = ",\n        ".join(selections(batch.loaded) + _named(own))
    condition = " AND ".join(on)
    assigned = [_assignment(name) for name in names if name not in key_names]
    assigned += [f"{quote(name)} = NULL" for name in batch.blanks]
    sets = ",\n    ".join(assigned)
    inserts = ", ".join(f"source.{name}" for name in names)
    gone = gone_condition("source.", batch.deleted) if batch.removes else None
    delete = f"WHEN MATCHED AND {gone} THEN DELETE\n" if gone else ""
    changed = ""
    if batch.gone is not None:
        # Of two spellings of one key the row that is there counts.
        newest = quote(batch.gone.name)
        selected += f",\n        {newest}"
        gone = f"source.{newest}"
        delete = _when_gone(batch, gone)
        changed = f" AND NOT {gone}" if batch.keeps_gone else ""
    alive = f" AND NOT ({gone})" if gone else ""
    text = f"""\
MERGE INTO {batch.target} AS target
USING (
    SELECT
        {selected}
    FROM {batch.staging}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {partition} ORDER BY {newest}) = 1
) AS source
ON {condition}
{delete}WHEN MATCHED{changed} THEN UPDATE SET
    {sets}
WHEN NOT MATCHED{alive} THEN INSERT (
    {", ".join(names)}
) VALUES (
    {inserts}
)"""
    return Statement(text, tuple(params))


def _when_gone(batch: Batch, gone: str) -> str:
    """Returns what happens to a target row of which the source has none."""
    if batch.keeps_gone:
        return ""
    if not batch.soft_deletes:
        return f"WHEN MATCHED AND {gone} THEN DELETE\n"
    # The first time a row was seen to be gone is when it was deleted.
    at, run, read_at = quote(DELETED_AT), quote(RUN_ID), quote(EXTRACTED_AT)
    return f"""\
WHEN MATCHED AND {gone} THEN UPDATE SET
    {at} = COALESCE(target.{at}, source.{read_at}),
    {run} = source.{run}
"""


def newest_first(cursors: Sequence[LoadColumn]) -> str:
    """Returns the order by the cursor; empty without one.

    Unlike PostgreSQL's, Snowflake's GREATEST is NULL if one of its values is.
    """
    if not cursors:
        return ""
    values = ", ".join(column.expression for column in cursors)
    value = f"GREATEST_IGNORE_NULLS({values})" if len(cursors) > 1 else values
    return f"{value} DESC NULLS LAST"


def lock_target(batch: Batch) -> Statement:
    """Writes one row of the target as it is, which locks the target until the commit.

    Changes no row if the target is empty, and locks nothing then.
    """
    names = ", ".join(quote(c.name) for c in batch.key)
    own = quote(RUN_ID)
    return Statement(f"""\
MERGE INTO {batch.target} AS target
USING (
    SELECT {names}
    FROM {batch.target}
    LIMIT 1
) AS source
ON {" AND ".join(keys.equal(c) for c in batch.key)}
WHEN MATCHED THEN UPDATE SET {own} = target.{own}""")


def count_rows(target: str, *, soft_deletes: bool = False) -> Statement:
    """Counts the rows of a table; those that are flagged as deleted are none."""
    alive = f" WHERE {quote(DELETED_AT)} IS NULL" if soft_deletes else ""
    return Statement(f"SELECT COUNT(*) AS row_count FROM {target}{alive}")


def overwrite(batch: Batch) -> Statement:
    """Replaces all rows of the target inside the current transaction.

    Unlike SWAP this is DML: it commits together with the watermark, readers see the old
    rows until then, and grants stay (sql-reference/sql/insert).
    """
    own, params = _own_values(batch)
    names = [quote(c.name) for c in batch.loaded] + [quote(name) for name, _ in own]
    selected = ",\n    ".join(selections(batch.loaded) + _named(own))
    where = (
        f"\nWHERE NOT ({gone_condition('', batch.deleted)})" if batch.removes else ""
    )
    return Statement(
        f"""\
INSERT OVERWRITE INTO {batch.target} (
    {", ".join(names)}
)
SELECT
    {selected}
FROM {batch.staging}{where}""",
        tuple(params),
    )


def _own_values(
    batch: Batch,
) -> tuple[list[tuple[str, str]], list[str | int | float | bool | None]]:
    """Returns the product's own columns with their expressions, and bound values."""
    own = [(RUN_ID, "?"), (EXTRACTED_AT, "TO_TIMESTAMP_TZ(?)")]
    params: list[str | int | float | bool | None] = [batch.run_id, batch.extracted_at]
    if batch.soft_deletes and batch.deleted:
        gone = gone_condition("", batch.deleted)
        own.append((DELETED_AT, f"IFF({gone}, TO_TIMESTAMP_TZ(?), NULL)"))
        params.append(batch.extracted_at)
    elif batch.soft_deletes:
        own.append((DELETED_AT, "CAST(NULL AS TIMESTAMP_TZ(6))"))
    return own, params


def gone_condition(prefix: str, column: LoadColumn | None) -> str:
    """Returns whether the source calls a row deleted."""
    if column is None:
        raise ValueError("rows are removed by a delete column")
    name = f"{prefix}{quote(column.name)}"
    if column.source.snowflake_type == "BOOLEAN":
        return f"COALESCE({name}, FALSE)"
    return f"{name} IS NOT NULL"


def _assignment(name: str) -> str:
    if name == quote(DELETED_AT):
        # The first time a row was seen deleted is when it was deleted.
        kept = f"COALESCE(target.{name}, source.{name})"
        return f"{name} = IFF(source.{name} IS NULL, NULL, {kept})"
    return f"{name} = source.{name}"


def selections(columns: Sequence[LoadColumn]) -> list[str]:
    """Returns staged columns as values of the target, under their names."""
    return [
        (
            quote(c.name)
            if c.expression == quote(c.name)
            else f"{c.expression} AS {quote(c.name)}"
        )
        for c in columns
    ]


def _named(own: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{expression} AS {quote(name)}" for name, expression in own]


# --- deletes found by comparing keys --------------------------------------------------
