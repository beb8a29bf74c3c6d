"""Is the source still the one that the last commit read, or did it go back in time?

A cursor finds what is newer than a watermark. It cannot see that a table was emptied
and filled again, swapped for another one, or that the server stands at an older state.
The catalog can. What the last commit recorded comes back with the request, and is
compared here: a reply says in one sentence what is different.
"""

import hashlib

from psycopg2 import sql

from lambda_extract.contract import CursorValue, Member, SourceIdentity
from lambda_extract.cursor.column import Cursor
from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import MATERIALIZED, SourceTable, read_sequence
from lambda_extract.source.database import Database

# Rows looked at if the largest cursor is below the watermark.
_NEWEST_ROWS = 1_000
_BROKEN = ("source_unreachable", "window_too_large")


def read_server(database: Database) -> tuple[str, int]:
    """Returns system identifier and timeline; ("", 0) if they may not be read.

    Call it before the snapshot: a managed server may refuse the functions, and that
    would end the transaction.

    Raises:
        SourceError: The connection is lost.
    """
    statement = sql.SQL("""
        SELECT s.system_identifier::text, c.timeline_id
        FROM pg_catalog.pg_control_system() AS s
        CROSS JOIN pg_catalog.pg_control_checkpoint() AS c
        """)
    try:
        system, timeline = database.row(statement)
    except SourceError as error:
        if error.code in _BROKEN:
            raise
        return "", 0
    return str(system), int(timeline)


def read_identity(
    database: Database,
    table: SourceTable,
    cursor: Cursor | None,
    server: tuple[str, int],
) -> SourceIdentity:
    """Reads what the source is, inside the data snapshot.

    pg_inherits.xmin tells a partition that was detached, changed and attached again.
    A reader follows its writer at a distance, so that its counter proves nothing.
    """
    statement = sql.SQL("""
        WITH RECURSIVE members AS (
            SELECT {oid}::oid AS oid, '' AS linked
            UNION ALL
            SELECT i.inhrelid, i.xmin::text
            FROM members AS m
            JOIN pg_catalog.pg_inherits AS i ON i.inhparent = m.oid
        )
        SELECT
            m.oid::bigint,
            COALESCE(pg_catalog.pg_relation_filenode(m.oid), 0)::bigint,
            m.linked,
            CASE
                WHEN pg_catalog.pg_is_in_recovery() THEN 0
                ELSE pg_catalog.pg_snapshot_xmax(
                    pg_catalog.pg_current_snapshot()
                )::text::bigint
            END
        FROM members AS m
        ORDER BY m.oid, m.linked
        """)
    rows = database.rows(statement.format(oid=sql.Literal(table.oid)))
    # REFRESH gives a materialized view new storage each time.
    stored = table.kind != MATERIALIZED
    sequence = None
    if cursor is not None and cursor.counts:
        found = read_sequence(database, table, cursor.column)
        sequence = found.last_value if found else None
    shape = [(c.attnum, c.name, c.type) for c in table.columns]
    return SourceIdentity(
        relation_id=table.oid,
        members=tuple(Member(o, f if stored else 0, link) for o, f, link, _ in rows),
        system=server[0],
        timeline=server[1],
        next_transaction=rows[0][3],
        sequence=sequence,
        columns=hashlib.sha256(repr(shape).encode()).hexdigest()[:16],
    )


def difference(known: SourceIdentity, now: SourceIdentity) -> str:
    """Says what shows that the source is another one; empty: nothing does. Pure."""
    if known.relation_id != now.relation_id:
        return "Another relation has the name of the table now."
    if known.system and now.system and known.system != now.system:
        return "The server is another one (its system identifier differs)."
    if known.timeline and now.timeline and known.timeline != now.timeline:
        return "The server was restored or promoted (its timeline differs)."
    if known.next_transaction > now.next_transaction > 0:
        return "The server stands at an older state (its transaction counter)."
    before = {member.oid: member for member in known.members}
    for member in now.members:
        old = before.get(member.oid, member)
        # ALTER TABLE rewrites, too; its columns follow the policies for them.
        if old.filenode != member.filenode and known.columns == now.columns:
            return "The table or a partition was truncated or rewritten."
        if old.linked != member.linked:
            return "A partition was detached and attached again."
    if None not in (known.sequence, now.sequence) and _sequence_is_behind(known, now):
        return "The sequence behind the cursor was set back."
    return ""


def find_change(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    known: SourceIdentity,
    now: SourceIdentity,
    watermark: CursorValue | None,
) -> str:
    """Says why rows behind the watermark may be others than those delivered.

    Beyond the identity, rows are looked at if it costs little: in a partition that
    is new, and if the largest cursor lies below the watermark.

    Returns:
        One sentence; empty if there is no sign of it.
    """
    found = difference(known, now)
    lower = cursor.read_from(watermark)
    if found or lower is None:
        return found
    if _attached_with_rows(database, cursor, known=known, now=now, lower=lower):
        return "A partition with rows behind the watermark was attached."
    if _is_written_behind(database, table, cursor, known=known, lower=lower):
        return "The largest cursor is below the watermark, among rows that are new."
    return ""


def _sequence_is_behind(known: SourceIdentity, now: SourceIdentity) -> bool:
    return (now.sequence or 0) < (known.sequence or 0)


def _attached_with_rows(
    database: Database,
    cursor: Cursor,
    *,
    known: SourceIdentity,
    now: SourceIdentity,
    lower: sql.Composable,
) -> bool:
    """True if a new partition has rows that the cursor would never reach.

    A new empty one is made every day in many places, and is no change.
    """
    before = {member.oid for member in known.members}
    new = [member.oid for member in now.members if member.oid not in before]
    if not new:
        return False
    statement = sql.SQL("""
        SELECT
            n.nspname::text,
            c.relname::text,
            c.relkind = 'p',
            pg_catalog.has_table_privilege(c.oid, 'SELECT')
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = ANY({oids}::bigint[]::oid[])
        """)
    for schema, name, has_parts, readable in database.rows(
        statement.format(oids=sql.Literal(new))
    ):
        if has_parts:
            continue
        if not readable:
            return True
        rows = sql.SQL("SELECT EXISTS (SELECT 1 FROM ONLY {} WHERE {} <= {})")
        name = sql.Identifier(schema, name)
        if database.row(rows.format(name, cursor.name, lower))[0]:
            return True
    return False


def _is_written_behind(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    known: SourceIdentity,
    lower: sql.Composable,
) -> bool:
    """True if newest rows lie below the watermark and were written since.

    That the newest rows were deleted leaves rows of older transactions; rows of a
    restored or replaced table are of transactions after the last commit's.
    """
    # Strictly: at rest the watermark is the largest cursor itself.
    below = sql.SQL("SELECT pg_catalog.max({}) < {} FROM {}")
    if not database.row(below.format(cursor.name, lower, table.name))[0]:
        return False
    if not table.has_row_identity:
        return True
    if not known.next_transaction:
        return False
    # age() counts from the next transaction, modulo 2^32 as xmin does.
    statement = sql.SQL("""
        SELECT EXISTS (
            SELECT 1
            FROM (
                SELECT t.xmin
                FROM {table} AS t
                WHERE t.{column} IS NOT NULL
                ORDER BY t.{column} DESC
                LIMIT {limit}
            ) AS r
            WHERE pg_catalog.age(r.xmin) <= pg_catalog.age({since}::xid)
        )
        """)
    since = sql.Literal(str(known.next_transaction % 2**32))
    values = {"table": table.name, "column": cursor.name, "since": since}
    return bool(
        database.row(statement.format(limit=sql.Literal(_NEWEST_ROWS), **values))[0]
    )
