"""Do the newest cursor values fit PostgreSQL's clock? (C7)

A wrong `time_zone` moves the watermark past rows that are still to come, and nothing in
the rows tells it. Two things give it away: values that lie hours in the future, and
values that lie hours back although somebody is writing the table at this moment. The
second can have another reason, a load that has only begun, so both are warnings.
"""

import math

from psycopg2 import sql

from lambda_extract.contract import Warning
from lambda_extract.cursor.column import DATE, INSTANT, LOCAL, Cursor
from lambda_extract.rows.query import typed
from lambda_extract.source.catalog import SourceTable
from lambda_extract.source.database import Database

AHEAD_HOURS = 1.0
# A day that has begun in the application's zone is none of ours.
AHEAD_DAYS = 1
# No two zones are further apart.
FARTHEST_HOURS = 26.0
# The last day that a timestamp has; a date goes on to the year 5874897.
_AS_TIMESTAMP = """(
    CASE
        WHEN pg_catalog.isfinite({0}) THEN LEAST({0}, '294276-12-31'::date) ELSE {0}
    END
)::timestamp"""


def check_clock(
    database: Database, table: SourceTable, cursor: Cursor, newest: str | None
) -> tuple[Warning, ...]:
    """Returns warnings if the newest cursor value lies hours off.

    Args:
        newest: The largest cursor value as text; None if there is none.
    """
    if newest is None or cursor.counts:
        return ()
    hours, written = _read(database, table, cursor, newest)
    where = f"The newest {cursor.spec.shown} of table {table.spec.name!r}"
    zone = ""
    if cursor.family != INSTANT:
        zone = f" in time zone {cursor.spec.time_zone!r}"
    if hours >= (24.0 * AHEAD_DAYS if cursor.family == DATE else AHEAD_HOURS):
        return (
            Warning(
                code="cursor_ahead_of_clock",
                message=f"{where} lies {_length(hours)} ahead of PostgreSQL's clock"
                f"{zone}: such rows are read again with every sync until it has come.",
                hint='If the application writes another zone, correct "time_zone" of'
                " the source; else look for its clock and for dates made up.",
            ),
        )
    behind = AHEAD_HOURS <= -hours <= FARTHEST_HOURS
    if cursor.family == LOCAL and written and behind:
        return (
            Warning(
                code="cursor_behind_clock",
                message=f"{where} lies {_length(-hours)} behind PostgreSQL's clock"
                f"{zone}, while the table is being written.",
                hint='If the application writes another zone, correct "time_zone" of'
                " the source, or rows will be missed; else there is nothing to do.",
            ),
        )
    return ()


def _read(
    database: Database, table: SourceTable, cursor: Cursor, newest: str
) -> tuple[float, bool]:
    """Returns how far ahead the value lies, and whether somebody writes the table."""
    value = typed(newest, cursor.family)
    now: sql.Composable = sql.SQL("pg_catalog.statement_timestamp()")
    if cursor.family != INSTANT:
        now = sql.SQL("({} AT TIME ZONE {})").format(
            now, sql.Literal(cursor.spec.time_zone)
        )
    if cursor.family == DATE:
        value = sql.SQL(_AS_TIMESTAMP).format(value)
    statement = sql.SQL("""
        SELECT
            CASE
                WHEN pg_catalog.isfinite({value})
                    THEN EXTRACT(EPOCH FROM ({value} - {now}))::float8 / 3600
                WHEN {value} > {now} THEN 'Infinity'::float8
                ELSE '-Infinity'::float8
            END,
            EXISTS (
                SELECT FROM pg_catalog.pg_locks AS l
                WHERE l.mode = 'RowExclusiveLock' AND l.granted
                    AND l.pid <> pg_catalog.pg_backend_pid()
                    AND l.database = (
                        SELECT d.oid FROM pg_catalog.pg_database AS d
                        WHERE d.datname = pg_catalog.current_database()
                    )
                    AND l.relation = {oid}
            )
        """)
    hours, written = database.row(
        statement.format(value=value, now=now, oid=sql.Literal(table.oid))
    )
    return float(hours), bool(written)


def _length(hours: float) -> str:
    return "infinitely far" if math.isinf(hours) else f"{hours:.1f} hours"
