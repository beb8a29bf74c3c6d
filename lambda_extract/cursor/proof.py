"""The proof that no row is left behind: the clock and the oldest open transaction."""

import time
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import (
    PendingBound,
)
from lambda_extract.cursor.column import Cursor, check_number
from lambda_extract.errors import SourceError
from lambda_extract.rows.query import typed
from lambda_extract.source.catalog import SourceTable
from lambda_extract.source.database import APPLICATION_PREFIX, Database

# Short beside the time of a snapshot, long beside that of a statement.
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Proof:
    """What was seen before the snapshot.

    Attributes:
        taken_at: PostgreSQL's clock (timestamptz text).
        oldest: Start of the oldest open transaction that may write, None if none is.
        prepared: A prepared transaction is open.
        visible: Other sessions' transactions could be seen at all.
        maximum: Integer cursors: the largest value seen before `taken_at`.
        pending_proven: The request's pending bound holds by now.
    """

    taken_at: str
    oldest: str | None = None
    prepared: bool = False
    visible: bool = True
    maximum: int | None = None
    pending_proven: bool = False


def read_proof(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    pending: PendingBound | None = None,
) -> Proof:
    """Reads the proof. Call it before the snapshot exists, in autocommit.

    Raises:
        SourceError: cannot_see_transactions, unless a lookback replaces the proof.
    """
    maximum = None
    if cursor.counts:
        statement = sql.SQL("SELECT pg_catalog.max({})::text FROM {}")
        (text,) = database.row(statement.format(cursor.value, table.name))
        check_number(cursor, text)
        maximum = None if text is None else int(text)
    proof = _read_transactions(database, maximum, pending)
    if not proof.visible and not cursor.has_lookback:
        raise SourceError(
            "cannot_see_transactions",
            "The open transactions of other sessions cannot be seen: the role lacks"
            " pg_read_all_stats, the server is a read replica, or a session has"
            " track_activities off.",
        )
    return proof


def wait_for_proof(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    seconds: float,
) -> tuple[Proof, PendingBound | None]:
    """Reads the proof; waits a while for an integer maximum to be proven.

    Most transactions are short, and a snapshot without a proven maximum makes the next
    sync read the whole table again. Call it before the snapshot, in autocommit.

    Args:
        seconds: How long to wait at most.

    Returns:
        The proof, and the maximum that it proves or that stays pending.

    Raises:
        SourceError: cannot_see_transactions, unless a lookback replaces the proof.
    """
    proof = read_proof(database, table, cursor)
    if proof.maximum is None or (proof.oldest is None and not proof.prepared):
        return proof, None
    pending = PendingBound(str(proof.maximum), proof.taken_at)
    end = time.monotonic() + seconds
    while not proof.pending_proven and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        proof = read_proof(database, table, cursor, pending)
    return proof, pending


def _read_transactions(
    database: Database, maximum: int | None, pending: PendingBound | None
) -> Proof:
    """Reads the clock and the open transactions.

    statement_timestamp() was taken when the statement arrived, so it lies before the
    look at pg_stat_activity whatever order the executor chooses. Sessions of this very
    program only ever read, so they hold nothing back; their role must match too,
    because anybody may choose an application_name. A leased login is another role each
    time: it matches one that is a member of exactly the same roles, of which one at
    least is no predefined one (B5).

    Over a connection with replication=database one can write as well, and such a
    walsender never shows when its transaction began: it counts from the start of its
    session, unless it streams.
    """
    seen_at = (
        typed(pending.seen_at, "timestamptz")
        if pending
        else sql.SQL("NULL::timestamptz")
    )
    statement = sql.SQL("""
        WITH granted AS (
            SELECT
                m.member,
                pg_catalog.array_agg(DISTINCT m.roleid ORDER BY m.roleid) AS roles,
                r.rolname = current_user AS own
            FROM pg_catalog.pg_auth_members AS m
            JOIN pg_catalog.pg_roles AS r ON r.oid = m.member
            GROUP BY m.member, r.rolname
            -- Predefined roles have smaller numbers than initdb gives to others.
            HAVING pg_catalog.max(m.roleid) >= 16384
        )
        SELECT
            pg_catalog.statement_timestamp()::text,
            o.oldest::text,
            p.open,
            pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
                AND NOT pg_catalog.pg_is_in_recovery()
                AND NOT o.hidden,
            COALESCE(
                (o.oldest IS NULL OR o.oldest > {seen_at})
                AND (p.oldest IS NULL OR p.oldest > {seen_at})
                AND {seen_at} IS NOT NULL,
                FALSE
            )
        FROM (
            SELECT
                pg_catalog.min(COALESCE(
                    a.xact_start,
                    CASE
                        -- It began with track_activities off, and shows itself since.
                        WHEN
                            a.backend_xid IS NOT NULL
                            OR pg_catalog.starts_with(a.state, 'idle in transaction')
                            OR (
                                a.backend_type = 'walsender'
                                AND a.state <> 'idle'
                                AND COALESCE(r.state, 'startup') = 'startup'
                            )
                            THEN a.backend_start
                    END
                )) AS oldest,
                -- With track_activities off a session shows no transaction at all.
                COALESCE(pg_catalog.bool_or(a.state = 'disabled'), FALSE) AS hidden
            FROM pg_catalog.pg_stat_activity AS a
            LEFT JOIN pg_catalog.pg_stat_replication AS r ON r.pid = a.pid
            WHERE a.datname = pg_catalog.current_database()
                AND a.pid <> pg_catalog.pg_backend_pid()
                AND a.backend_type NOT IN (
                    'autovacuum launcher', 'autovacuum worker', 'parallel worker'
                )
                AND NOT COALESCE(
                    pg_catalog.starts_with(a.application_name, {own})
                    AND (
                        a.usename = current_user
                        OR (SELECT g.roles FROM granted AS g WHERE g.own)
                            = (SELECT g.roles FROM granted AS g
                                WHERE g.member = a.usesysid)
                    ),
                    FALSE
                )
        ) AS o
        CROSS JOIN (
            SELECT
                pg_catalog.count(*) > 0 AS open,
                -- When it began is not known, only when it was prepared.
                CASE WHEN pg_catalog.count(*) > 0 THEN '-infinity'::timestamptz END
                    AS oldest
            FROM pg_catalog.pg_prepared_xacts AS x
            WHERE x.database = pg_catalog.current_database()
        ) AS p
        """)
    taken_at, oldest, prepared, visible, pending_proven = database.row(
        statement.format(seen_at=seen_at, own=sql.Literal(APPLICATION_PREFIX))
    )
    return Proof(
        taken_at=taken_at,
        oldest=oldest,
        prepared=prepared,
        visible=visible,
        maximum=maximum,
        pending_proven=pending_proven,
    )
