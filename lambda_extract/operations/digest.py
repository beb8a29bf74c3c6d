"""Digests of a table's rows: what VALIDATE_TABLE compares, without moving rows."""

import re
import time

from psycopg2 import sql

from lambda_extract.contract import (
    Bucket,
    CursorValue,
    DigestReply,
    DigestRequest,
    RowDigest,
)
from lambda_extract.cursor.column import Cursor, check_cursor
from lambda_extract.errors import RequestError
from lambda_extract.log import seconds_since
from lambda_extract.rows import canonical
from lambda_extract.rows.query import TRUE, CursorRange, partition_condition
from lambda_extract.rows.wire import build_wire
from lambda_extract.source.catalog import SourceTable, read_table
from lambda_extract.source.database import Database
from lambda_extract.source import trust
from lambda_extract.source.snapshot import snapshot

# 32 hex digits; what is deeper would add nothing.
DEEPEST = 32
# A reply holds 10 MB; a row without detail takes 90 bytes.
MOST_ROWS = 50_000
# A key that was left out takes 19 bytes, here and in the statement to Snowflake.
MOST_BEYOND = 20_000
BEYOND_DIGITS = 16
# In the place of a key's text: the key may not be named.
UNNAMED = "?"
PREFIX = re.compile(r"[0-9a-f]{1,32}")


def digest(database: Database, request: DigestRequest) -> DigestReply:
    """Computes the digests of one partition in one snapshot.

    Raises:
        ExtractError: See errors.CODES.
    """
    started = time.monotonic()
    _check(request)
    table = read_table(database, request.table)
    with snapshot(database, table):
        described = {column.name: column for column in build_wire(table).columns}
        if not set(request.columns) <= described.keys():
            raise RequestError("bad_request", "/columns: names one that is not read.")
        columns = tuple(described[name] for name in request.columns)
        buckets: tuple[Bucket, ...] = ()
        found: tuple[RowDigest, ...] = ()
        beyond: tuple[str, ...] = ()
        newest = None
        cursor = _cursor(database, table, request)
        rows = _rows(table, request, cursor)
        if request.step == "newest" and cursor is not None:
            newest = _newest(database, table, cursor)
        elif request.step == "buckets":
            buckets = _buckets(database, rows, request.depth)
        else:
            found = _digests(database, rows, request)
        if request.upto is not None and cursor is not None:
            later = CursorRange(cursor.value, cursor.literal(request.upto))
            beyond = _beyond(database, table, request, later)
    complete = len(found) <= MOST_ROWS and len(beyond) <= MOST_BEYOND
    return DigestReply(
        run_id=request.run_id,
        columns=columns,
        buckets=buckets,
        digests=found[:MOST_ROWS],
        beyond=beyond[:MOST_BEYOND],
        newest=newest,
        complete=complete,
        seconds=seconds_since(started),
    )


def _check(request: DigestRequest) -> None:
    if not request.columns or not request.key:
        raise RequestError("bad_request", "/: a digest needs columns and a key.")
    if not 0 <= request.depth <= DEEPEST:
        raise RequestError("bad_request", f"/depth: must be 0 to {DEEPEST}.")
    lengths = {len(prefix) for prefix in request.within}
    wrong = [p for p in request.within if not PREFIX.fullmatch(p)]
    if wrong or len(lengths) > 1:
        raise RequestError("bad_request", "/within: hex digits, all of one length.")
    if request.cursor is None and (request.upto or request.step == "newest"):
        raise RequestError("bad_request", "/cursor: needed here.")
    if request.upto is not None and request.step not in ("buckets", "rows"):
        raise RequestError("bad_request", "/upto: not for this step.")


def _cursor(
    database: Database, table: SourceTable, request: DigestRequest
) -> Cursor | None:
    if request.cursor is None:
        return None
    return check_cursor(database, table, request.cursor)


def _newest(
    database: Database, table: SourceTable, cursor: Cursor
) -> CursorValue | None:
    statement = sql.SQL("SELECT pg_catalog.max({})::text FROM {}")
    (text,) = database.row(statement.format(cursor.value, table.name))
    return None if text is None else CursorValue(text, cursor.family)


def _beyond(
    database: Database, table: SourceTable, request: DigestRequest, later: CursorRange
) -> tuple[str, ...]:
    statement = sql.SQL(
        "SELECT pg_catalog.left({}, {}) FROM {} WHERE {} AND {} LIMIT {}"
    ).format(
        canonical.key_hash(table, request.key),
        sql.Literal(BEYOND_DIGITS),
        table.rows,
        later.condition(),
        partition_condition(table, request.partition),
        sql.Literal(MOST_BEYOND + 1),
    )
    return tuple(prefix for (prefix,) in database.rows(statement))


def _rows(
    table: SourceTable, request: DigestRequest, cursor: Cursor | None
) -> sql.Composable:
    """Returns the query of key_hash and row_hash, with key and columns if wanted."""
    conditions = [partition_condition(table, request.partition)]
    if request.upto is not None and cursor is not None:
        upto = CursorRange(
            cursor.value, upper=cursor.literal(request.upto), with_nulls=True
        )
        conditions.append(upto.condition())
    if request.deleted_column:
        conditions.append(_alive(table, request.deleted_column))
    kept = [condition for condition in conditions if condition is not TRUE]
    details: list[sql.Composable] = []
    if request.step == "detail":
        named = table.names_keys and request.key == table.key
        texts = [
            canonical.plain_text(table, name) if named else sql.Literal(UNNAMED)
            for name in request.key
        ]
        details.append(sql.SQL("ARRAY[{}] AS k").format(sql.SQL(", ").join(texts)))
        parts = [_short_hash(table, name) for name in request.columns]
        joined = sql.SQL(" || ").join(parts)
        details.append(sql.SQL("{} AS c").format(joined))
    inner = sql.SQL("SELECT {} AS key_hash, {} AS row_text{} FROM {} WHERE {}").format(
        canonical.key_hash(table, request.key),
        canonical.row_text(table, request.columns),
        sql.SQL("").join(sql.SQL(", {}").format(detail) for detail in details),
        table.rows,
        sql.SQL(" AND ").join(kept or [TRUE]),
    )
    within = TRUE
    if request.within:
        within = sql.SQL("pg_catalog.left(key_hash, {}) = ANY({})").format(
            sql.Literal(len(request.within[0])), sql.Literal(list(request.within))
        )
    return sql.SQL(
        "SELECT key_hash, pg_catalog.md5(key_hash || '|' || row_text) AS row_hash{}"
        " FROM ({}) AS r WHERE {}"
    ).format(sql.SQL(", k, c" if details else ""), inner, within)


def _alive(table: SourceTable, name: str) -> sql.Composable:
    """Returns the condition of rows that are not deleted.

    Raises:
        RequestError: bad_request: an excluded column, whose values it would tell.
        SourceError: protection_required.
    """
    column = table.column(name)
    if column is None:
        raise RequestError("bad_request", "/deleted_column: is not among the columns.")
    test = "{} IS NULL"
    if column.base.name == "bool":
        trust.check_plain(table.spec, name)
        test = "NOT COALESCE({}, FALSE)"
    return sql.SQL(test).format(sql.Identifier(name))


def _short_hash(table: SourceTable, name: str) -> sql.Composable:
    return sql.SQL("pg_catalog.left(pg_catalog.md5(COALESCE({}, '~')), 8)").format(
        canonical.column_text(table, name)
    )


def _buckets(
    database: Database, rows: sql.Composable, depth: int
) -> tuple[Bucket, ...]:
    statement = sql.SQL("""
        SELECT
            pg_catalog.left(key_hash, {depth}),
            pg_catalog.count(*),
            pg_catalog.sum(
                ('x' || pg_catalog.substr(row_hash, 1, 12))::bit(48)::bigint
            )::text,
            pg_catalog.sum(
                ('x' || pg_catalog.substr(row_hash, 13, 12))::bit(48)::bigint
            )::text
        FROM ({rows}) AS d
        GROUP BY 1
        """).format(depth=sql.Literal(depth), rows=rows)
    return tuple(Bucket(*row) for row in database.rows(statement))


def _digests(
    database: Database, rows: sql.Composable, request: DigestRequest
) -> tuple[RowDigest, ...]:
    statement = sql.SQL("{} LIMIT {}").format(rows, sql.Literal(MOST_ROWS + 1))
    found = database.rows(statement)
    if request.step == "rows":
        return tuple(RowDigest(key_hash, row_hash) for key_hash, row_hash in found)
    return tuple(RowDigest(k, r, tuple(key), columns) for k, r, key, columns in found)
