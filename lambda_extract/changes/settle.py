"""Before a table of mode "log" is read as a whole: does the log have all that follows?

A transaction that was open when the table was published may have changed rows before,
which the log does not tell. Whoever reads the table after all of them have ended sees
these rows; whatever a later snapshot does not see began after the table was published,
so that the log has it.
"""

import time

from psycopg2 import sql

from lambda_extract.changes.published import read_identity
from lambda_extract.changes.reread import read_published
from lambda_extract.contract import LogBound, LogSpec
from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import SourceTable
from lambda_extract.source.database import Database
from lambda_extract.source.snapshot import snapshot

_POLL_SECONDS = 0.1


def settle_log(
    database: Database, table: SourceTable, log: LogSpec, *, seconds: float
) -> LogBound:
    """Waits until every transaction has ended that is open now.

    Returns:
        What the table was when it began to wait: whatever is different later is found
        by the first extraction of changed keys.

    Raises:
        SourceError: transactions_open; or see `read_published`.
    """
    end = time.monotonic() + seconds
    with snapshot(database, table):
        published = read_published(database, log, table)
        identity = read_identity(database, published)
    # A number of one's own, above every one that was given by now. A snapshot ends
    # (pg_snapshot_xmax) below the newest transactions if these are open still: one of
    # them may have written before the table's publication was committed.
    (upper,) = database.row(sql.SQL("SELECT pg_catalog.pg_current_xact_id()::text"))
    while not _has_ended(database, upper):
        if time.monotonic() > end:
            raise _open(database)
        time.sleep(_POLL_SECONDS)
    return LogBound(identity)


def _has_ended(database: Database, upper: str) -> bool:
    statement = sql.SQL(
        "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())"
        " >= {}::xid8"
    )
    return bool(database.row(statement.format(sql.Literal(upper)))[0])


def _open(database: Database) -> SourceError:
    (since,) = database.row(sql.SQL("""
        SELECT LEAST(
            (
                SELECT pg_catalog.min(a.xact_start)
                FROM pg_catalog.pg_stat_activity AS a
                WHERE a.backend_xid IS NOT NULL
            ),
            (SELECT pg_catalog.min(p.prepared) FROM pg_catalog.pg_prepared_xacts AS p)
        )::text
        """))
    return SourceError(
        "transactions_open",
        f"A transaction that began at {since or 'a time that may not be seen'} is still"
        " open; the log may not have all of it.",
    )
