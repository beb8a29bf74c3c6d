"""Splits a snapshot of a table into ranges of its key, about `chunk_rows` rows each.

The parts are read by separate snapshots, so they split by key, which a row keeps, and
not by physical place. Bounds come from a block sample: it serves keys of any type, any
number of columns and any collation, costs the same on a table of any size, and needs no
fresh statistics. Every bound is compared as PostgreSQL compares the key, so each row
falls into exactly one part whatever the sample was.
"""

import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise

from psycopg2 import sql

from lambda_extract.contract import Limits, Partition
from lambda_extract.errors import RequestError
from lambda_extract.rows.query import (
    TRUE,
    partition_columns,
    partition_condition,
    typed,
)
from lambda_extract.source.catalog import (
    PARTITIONED,
    TABLE,
    SourceTable,
    has_index,
    has_index_on_greatest,
)
from lambda_extract.source.database import Database

# Rows that the sample looks at: some dozens of blocks for each part, and more if the
# parts are few, because each is a large share of the work then. 3 M rows: two parts of
# 1.54 and 1.46 M, six of 0.47 to 0.52 M.
SAMPLE_ROWS_PER_PART = 3_000
SAMPLE_ROWS = 50_000
# Keys of it that come back for each part.
KEYS_PER_PART = 100
# 10 MB is what one answer may hold, and a graph of more parts than this helps nobody.
MAX_PARTS = 1000
# What one worker surely reads: a quarter of what it does on a machine with two cores.
# Should it not, the time-out shows it, and the table is read in parts.
BYTES_PER_SECOND = 30 << 20

Key = tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """A table's size as PostgreSQL estimates it; rows are -1 if unknown.

    Attributes:
        meant: Rows that the table's filter leaves; `rows` without one.
    """

    rows: int
    bytes: int
    meant: int


def read_size(database: Database, table: SourceTable) -> Size:
    """Returns the estimated rows and the bytes on disk, partitions included.

    A table that was never analyzed has no row count; its size counts then, at 100 bytes
    a row.
    """
    statement = sql.SQL("""
        SELECT
            pg_catalog.sum(CASE WHEN c.reltuples < 0 OR c.relpages = 0
                THEN pg_catalog.pg_relation_size(c.oid) / 100.0
                ELSE pg_catalog.pg_relation_size(c.oid)
                    / pg_catalog.current_setting('block_size')::numeric
                    * c.reltuples::numeric / c.relpages
            END)::bigint,
            pg_catalog.sum(pg_catalog.pg_table_size(c.oid))::bigint
        FROM (
            SELECT {oid}::oid AS oid
            UNION
            SELECT t.relid::oid FROM pg_catalog.pg_partition_tree({oid}::oid) AS t
            UNION
            SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = {oid}
        ) AS f
        JOIN pg_catalog.pg_class AS c ON c.oid = f.oid
        WHERE c.relkind IN ('r', 'm')
        """)
    rows, size = database.row(statement.format(oid=sql.Literal(table.oid)))
    if rows is None:
        return Size(-1, -1, -1)
    return Size(int(rows), int(size), _meant(database, table, int(rows)))


def _meant(database: Database, table: SourceTable, rows: int) -> int:
    """Returns how many rows the planner expects of the table's filter."""
    if table.filter is None:
        return rows
    statement = sql.SQL("EXPLAIN (FORMAT JSON) SELECT 1 FROM {}")
    (explained,) = database.row(statement.format(table.rows))
    return int(explained[0]["Plan"]["Plan Rows"])


def plan_partitions(
    database: Database, table: SourceTable, size: Size, limits: Limits
) -> tuple[Partition, ...]:
    """Returns the parts of a snapshot; one part over everything if it is small.

    Tables without a key, with a key that may be NULL or that no index serves, and views
    are one part too.
    """
    whole = whole_table(size)
    parts = _parts_of(size, limits)
    columns = [table.column(name) for name in table.key]
    nullable = any(column is None or not column.not_null for column in columns)
    if parts <= 1 or nullable or not _can_split(database, table, table.key):
        return (whole,)
    keyed = dataclasses.replace(whole, columns=table.key)
    sample = _sample(database, table, size.rows, parts, keyed)
    bounds = choose_bounds(sample, parts)
    return split(keyed, bounds, size.meant) if bounds else (whole,)


def split_range(
    database: Database,
    table: SourceTable,
    size: Size,
    limits: Limits,
    whole: Partition,
) -> tuple[Partition, ...]:
    """Returns a range of one column as parts of about `chunk_rows` rows each.

    It stays one part if no index serves the column: each part would read the whole
    table. Rows without a value are in no range.

    Raises:
        ExtractError: bad_request, if PostgreSQL cannot read a bound; range_empty;
            protection_required.
    """
    # Whether there is anything to split or not: no range of a column that is hidden.
    partition_condition(table, whole)
    _check_order(database, table, whole)
    parts = _parts_of(size, limits)
    if parts <= 1 or not _can_split(database, table, whole.columns, whole.greatest):
        return (whole,)
    # As dense as a sample of the whole table: what falls into the range shows its size.
    sample = _sample(database, table, size.rows, parts, whole)
    inside = math.ceil(len(sample) / KEYS_PER_PART)
    rows = inside * size.meant // parts
    return split(whole, choose_bounds(sample, inside), rows)


def _check_order(database: Database, table: SourceTable, whole: Partition) -> None:
    """Refuses a range that no value can be in.

    Raises:
        RequestError: range_empty.
    """
    column = table.column(whole.columns[0]) if len(whole.columns) == 1 else None
    if column is None or whole.lower is None or whole.upper is None:
        return
    lower, upper = (
        typed(bound[0], column.base_type) for bound in (whole.lower, whole.upper)
    )
    (empty,) = database.row(sql.SQL("SELECT {} >= {}").format(lower, upper))
    if empty:
        raise RequestError(
            "range_empty", "The range ends before it begins: no row can be in it."
        )


def _parts_of(size: Size, limits: Limits) -> int:
    return min(math.ceil(size.meant / limits.chunk_rows), MAX_PARTS)


def fits_one_part(size: Size, seconds: float) -> bool:
    """Returns whether one worker is expected to read a table in its time."""
    return size.bytes <= seconds * BYTES_PER_SECOND


def whole_table(size: Size) -> Partition:
    """Returns the one part that is the whole table."""
    return Partition(part="00000", estimated_rows=size.meant)


def choose_bounds(sample: list[Key], parts: int) -> list[Key]:
    """Returns up to parts - 1 different keys of a sorted sample, evenly spread."""
    bounds: list[Key] = []
    for number in range(1, parts):
        key = sample[number * len(sample) // parts] if sample else None
        if key is not None and key not in bounds:
            bounds.append(key)
    return bounds


def split(whole: Partition, bounds: list[Key], rows: int) -> tuple[Partition, ...]:
    """Returns the half-open ranges between the bounds and the ends of the whole.

    Args:
        rows: Estimate for the whole; -1 if unknown.
    """
    ends: list[Key | None] = [whole.lower, *bounds, whole.upper]
    estimate = rows // (len(bounds) + 1)
    return tuple(
        Partition(
            part=f"{number:05d}",
            columns=whole.columns,
            lower=lower,
            upper=upper,
            estimated_rows=estimate,
            greatest=whole.greatest,
        )
        for number, (lower, upper) in enumerate(pairwise(ends))
    )


def _can_split(
    database: Database, table: SourceTable, names: Key, greatest: bool = False
) -> bool:
    if table.kind not in (TABLE, PARTITIONED) or not names:
        return False
    if any(table.column_spec(name).protect for name in names):
        # The bounds are values of rows, and travel to Snowflake in plain text.
        return False
    if greatest:
        return has_index_on_greatest(database, table, names)
    return has_index(database, table, names)


def _sample(
    database: Database, table: SourceTable, rows: int, parts: int, whole: Partition
) -> list[Key]:
    """Returns keys of a range in order, about `KEYS_PER_PART` for each part.

    Args:
        rows: Of the whole table.
        parts: Of the whole table, whatever share of it the range is.

    SYSTEM takes whole blocks, so many more rows are looked at than are returned: bounds
    from two blocks a part were off by a factor of five. REPEATABLE makes the same
    request split the same table the same way.
    """
    wanted = max(SAMPLE_ROWS, parts * SAMPLE_ROWS_PER_PART)
    percent = min(100.0, 100.0 * wanted / max(rows, 1))
    names = partition_columns(whole)
    numbered = [sql.Identifier(f"k{number}") for number in range(len(names))]
    # At 100 % SYSTEM reads every block, which is right for a table that small.
    statement = sql.SQL("""
        SELECT {texts}
        FROM (
            SELECT
                {columns},
                {condition} AS inside,
                pg_catalog.row_number() OVER (ORDER BY {names}) AS place,
                pg_catalog.count(*) OVER () AS total
            FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1)
            WHERE {filter}
        ) AS s
        WHERE s.inside AND s.place % GREATEST(1, s.total / {wanted}) = 0
        ORDER BY s.place
        """).format(
        texts=sql.SQL(", ").join(sql.SQL("s.{}::text").format(k) for k in numbered),
        columns=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(name, k)
            for name, k in zip(names, numbered, strict=True)
        ),
        names=sql.SQL(", ").join(names),
        condition=partition_condition(table, whole),
        table=table.name,
        filter=TRUE if table.filter is None else table.filter,
        percent=sql.Literal(percent),
        wanted=sql.Literal(parts * KEYS_PER_PART),
    )
    return [tuple(row) for row in database.rows(statement)]
