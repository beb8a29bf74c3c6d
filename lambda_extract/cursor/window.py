"""The window of an increment: its upper end, its rows without a cursor, its overlap."""

import hashlib
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import CursorValue, Limits, Overlap, Warning, Window
from lambda_extract.cursor.column import Cursor, index_text, is_indexed
from lambda_extract.errors import SourceError
from lambda_extract.rows.query import CursorRange
from lambda_extract.rows.wire import Wire
from lambda_extract.source.catalog import SourceTable
from lambda_extract.source.database import Database

# Re-reading this many row versions for their digest costs well under a second; a larger
# overlap than that exists only if nothing at all is proven yet.
MAX_OVERLAP_ROWS = 1_000_000


@dataclass(frozen=True)
class ResolvedWindow:
    """What one extraction of an increment reads.

    Attributes:
        range: The rows.
        upper: Cursor of the last row of a bounded window; None for the last window.
        null_rows: Rows whose cursor is NULL; -1 if they were not counted.
        warnings: What a person should know.
    """

    range: CursorRange
    upper: CursorValue | None
    null_rows: int
    warnings: tuple[Warning, ...] = ()


def resolve_window(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    window: Window,
    limits: Limits,
) -> ResolvedWindow:
    """Decides what a request's window reads, inside the data snapshot.

    Raises:
        SourceError: null_cursor.
    """
    indexed = is_indexed(database, table, cursor.spec)
    lower = cursor.read_from(window.lower, look_back=window.first)
    asked_upper = cursor.literal(window.upper) if window.upper else None
    open_range = CursorRange(cursor.value, lower, asked_upper)
    upper = None
    warnings: tuple[Warning, ...] = ()
    if indexed:
        upper = _find_upper(database, table, cursor, open_range, limits.chunk_rows)
    else:
        warnings = (not_indexed(table, cursor),)
    null_rows = _count_nulls(database, table, cursor, window)
    chosen = CursorRange(
        cursor=cursor.value,
        lower=lower,
        upper=cursor.literal(upper) if upper else asked_upper,
        with_nulls=_loads_nulls(cursor, window),
    )
    return ResolvedWindow(chosen, upper, null_rows, warnings)


def last_position(
    database: Database, table: SourceTable, resolved: ResolvedWindow
) -> str | None:
    """Returns the largest cursor of the window's rows as text."""
    if resolved.upper is not None:
        return resolved.upper.value
    rows_with_cursor = CursorRange(
        resolved.range.cursor, resolved.range.lower, resolved.range.upper
    )
    statement = sql.SQL("SELECT pg_catalog.max({})::text FROM {} WHERE {}").format(
        resolved.range.cursor, table.rows, rows_with_cursor.condition()
    )
    value = database.row(statement)[0]
    return None if value is None else str(value)


def read_overlap(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    watermark: CursorValue | None,
    wire: Wire,
    upper: CursorValue | None = None,
    at_most: int = MAX_OVERLAP_ROWS,
) -> Overlap | None:
    """Returns the identity of the row versions that the next sync will read again.

    (tableoid, ctid, xmin) names a row version: an update makes a new one, and a place
    is used again only by another transaction. The digest does not depend on the order
    of rows. The columns are part of it, so that a changed table is delivered again.

    Args:
        upper: Inclusive upper end; None: there is none.
        at_most: More rows than this are not digested: None is returned.
    """
    if not table.has_row_identity:
        return None
    rows = CursorRange(
        cursor=cursor.value,
        lower=cursor.read_from(watermark),
        upper=cursor.literal(upper) if upper else None,
        with_nulls=cursor.may_be_null and cursor.spec.null_policy == "load",
    )
    statement = sql.SQL("""
        SELECT
            pg_catalog.count(*),
            COALESCE(pg_catalog.sum(pg_catalog.hashtextextended(
                r.tableoid::text || r.ctid::text || r.xmin::text, 0
            )), 0)::text
        FROM (
            SELECT t.tableoid, t.ctid, t.xmin
            FROM {table}
            WHERE {condition}
            LIMIT {limit}
        ) AS r
        """).format(
        table=table.rows, condition=rows.condition(), limit=sql.Literal(at_most + 1)
    )
    count, digest = database.row(statement)
    if count > at_most:
        return None
    return Overlap(rows=count, digest=f"{digest}:{_fingerprint(wire)}")


def starts_series(resolved: ResolvedWindow, window: Window) -> bool:
    """True if more windows follow, and none of the run's said yet where they end."""
    return resolved.upper is not None and window.upper is None


def largest(database: Database, table: SourceTable, cursor: Cursor) -> CursorValue:
    """Returns the largest cursor of the snapshot, of a table that has rows."""
    statement = sql.SQL("SELECT pg_catalog.max({})::{}::text FROM {}").format(
        cursor.value, sql.SQL(cursor.family), table.name
    )
    return CursorValue(str(database.row(statement)[0]), cursor.family)


def delivered_overlap(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    watermark: CursorValue | None,
    window: Window,
    wire: Wire,
) -> Overlap | None:
    """Returns the overlap after a run's last window, of delivered row versions alone.

    A run of several windows stops at its end, so rows beyond were not delivered. Nor
    were, perhaps, the present versions of what earlier windows read: rows without a
    cursor and those of the lookback. Nothing is said about these.
    """
    read_earlier = cursor.has_lookback or (
        cursor.may_be_null and cursor.spec.null_policy == "load"
    )
    if read_earlier and not window.first:
        return None
    return read_overlap(
        database, table, cursor, watermark=watermark, wire=wire, upper=window.upper
    )


def is_unchanged(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    window: Window,
    wire: Wire,
) -> bool:
    """True if the rows to read are exactly those that were delivered before.

    One row more than were delivered settles it, so a large increment is not read twice.
    """
    if window.overlap is None or window.upper is not None or not window.first:
        return False
    found = read_overlap(
        database,
        table,
        cursor,
        watermark=window.lower,
        wire=wire,
        at_most=window.overlap.rows,
    )
    return found == window.overlap


def _loads_nulls(cursor: Cursor, window: Window) -> bool:
    """NULL cursors travel with the first window of every sync, or not at all."""
    return (
        window.first
        and window.upper is None
        and cursor.spec.null_policy == "load"
        and cursor.may_be_null
    )


def _count_nulls(
    database: Database, table: SourceTable, cursor: Cursor, window: Window
) -> int:
    if not cursor.may_be_null:
        return 0
    if not window.first:
        return -1
    statement = sql.SQL("SELECT pg_catalog.count(*) FROM {} WHERE {} IS NULL")
    (count,) = database.row(statement.format(table.rows, cursor.value))
    if count and cursor.spec.null_policy == "fail":
        raise SourceError(
            "null_cursor",
            f"{count} row(s) of {table.spec.schema}.{table.spec.relation} have no value"
            f" in cursor column {cursor.spec.shown}.",
        )
    return int(count)


def _find_upper(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    rows: CursorRange,
    chunk_rows: int,
) -> CursorValue | None:
    """Returns the cursor `chunk_rows` further on; None if no rows follow it.

    Ties are included because the window reads `<= upper`. A last window gets no upper
    end, so that rows committed a moment ago are read too.
    """
    condition = rows.condition()
    statement = sql.SQL("""
        SELECT ({cursor})::{family}::text
        FROM {table}
        WHERE {condition}
        ORDER BY {cursor}
        OFFSET {skip}
        LIMIT 1
        """).format(
        cursor=cursor.value_of_t,
        family=sql.SQL(cursor.family),
        table=table.rows,
        condition=condition,
        skip=sql.Literal(chunk_rows - 1),
    )
    found = database.rows(statement)
    if not found or found[0][0] is None:
        return None
    upper = CursorValue(found[0][0], cursor.family)
    beyond = CursorRange(rows.cursor, cursor.literal(upper), rows.upper)
    (more,) = database.row(
        sql.SQL("SELECT EXISTS (SELECT 1 FROM {} WHERE {})").format(
            table.rows, beyond.condition()
        )
    )
    return upper if more else None


def not_indexed(table: SourceTable, cursor: Cursor) -> Warning:
    """Returns the warning that each increment reads the whole table."""
    return Warning(
        code="cursor_not_indexed",
        message=f"Cursor column {cursor.spec.shown} of table {table.spec.name!r}"
        " leads no index: every sync scans the table, and an increment is one window.",
        hint=f"CREATE INDEX CONCURRENTLY ON {index_text(table.spec, cursor.spec)};",
    )


def _fingerprint(wire: Wire) -> str:
    text = repr(wire.columns)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
