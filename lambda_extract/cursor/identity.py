"""Is the source still the one that the last commit read, or did it go back in time?

A cursor finds what is newer than a watermark. It cannot see that a table was emptied
and filled again, swapped for another one, or that the server stands at an older state.
The catalog can. What the last commit recorded comes back with the request, and is
compared here: a reply says in one sentence what is different.
"""

import hashlib

from psycopg2 import sql

from lambda_extract.contract import CursorValue, Member, SourceIdentity, Warning
from lambda_extract.cursor.column import Cursor, read_position
from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import MATERIALIZED, SourceTable
from lambda_extract.source.database import Database

# Rows looked at if the largest cursor is below the watermark.
_NEWEST_ROWS = 1_000
_REWRITTEN = Warning(
    code="table_rewritten",
    message="ALTER TABLE has written the table anew. Values of old rows that it changed"
    " are not delivered, and a TRUNCATE before it cannot be told from it.",
    hint="If the table was emptied, or old values were changed: CALL RESYNC_TABLE.",
)
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
        sequence = read_position(database, table, cursor)
    shape = [(c.attnum, c.name, c.type) for c in table.columns]
    return SourceIdentity(
        relation_id=table.oid,
        members=tuple(Member(o, f if stored else 0, link) for o, f, link, _ in rows),
        system=server[0],
        timeline=server[1],
        next_transaction=rows[0][3],
        sequence=sequence,
        columns=_digest(shape, 16),
        types=",".join(f"{c.attnum}:{_digest(c.type, 4)}" for c in table.columns),
    )


def difference(
    known: SourceIdentity, now: SourceIdentity, *, explained: bool = False
) -> str:
    """Says what shows that the source is another one; empty: nothing does. Pure.

    Args:
        explained: New storage may be that of an ALTER TABLE.
    """
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
        if old.filenode != member.filenode and not explained:
            return "The table or a partition was truncated or rewritten."
        if old.linked != member.linked:
            return "A partition was detached and attached again."
    if None not in (known.sequence, now.sequence) and _sequence_is_behind(known, now):
        return "The sequence behind the cursor was set back."
    return ""


def _warn_of_detached(
    known: SourceIdentity, now: SourceIdentity
) -> tuple[Warning, ...]:
    """Tells partitions or children that are not part of the table any more. PURE."""
    # One member of several levels is linked once for each.
    left = {member.oid for member in now.members}
    gone = len({member.oid for member in known.members} - left)
    if not gone:
        return ()
    return (
        Warning(
            code="partition_detached",
            message=f"{gone} partitions or inheritance children were detached or"
            " dropped; increments do not see that their rows are gone.",
            hint='The rows stay in the target. "deletes": "key_compare" finds them, and'
            " RESYNC_TABLE removes them.",
        ),
    )


def find_change(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    known: SourceIdentity,
    now: SourceIdentity,
    watermark: CursorValue | None,
) -> tuple[str, tuple[Warning, ...]]:
    """Says why rows behind the watermark may be others than those delivered.

    Beyond the identity, rows are looked at if it costs little: in a partition that
    is new, and if the largest cursor lies below the watermark.

    Returns:
        One sentence; empty if there is no sign of it. And what else a person should
        know.
    """
    explained = _stored_anew(known, now) and _was_altered(database, table, known, now)
    found = difference(known, now, explained=explained)
    warnings = () if found else _warn_of_detached(known, now)
    if explained and not found:
        warnings += (_REWRITTEN,)
    lower = cursor.read_from(watermark)
    if not found and lower is not None:
        found = _find_in_rows(
            database, table, cursor, known=known, now=now, lower=lower
        )
    return found, warnings


def _find_in_rows(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    known: SourceIdentity,
    now: SourceIdentity,
    lower: sql.Composable,
) -> str:
    if _attached_with_rows(database, table, cursor, known=known, now=now, lower=lower):
        return "A partition with rows behind the watermark was attached."
    if _is_written_behind(database, table, cursor, known=known, lower=lower):
        return "The largest cursor is below the watermark, among rows that are new."
    return ""


def _digest(value: object, digits: int) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:digits]


def _stored_anew(known: SourceIdentity, now: SourceIdentity) -> bool:
    before = {member.oid: member.filenode for member in known.members}
    return any(before.get(m.oid, m.filenode) != m.filenode for m in now.members)


def _was_altered(
    database: Database, table: SourceTable, known: SourceIdentity, now: SourceIdentity
) -> bool:
    """True if new storage may be that of an ALTER TABLE.

    A column that has another type, or that is new with a default that was computed for
    each row: a constant one is kept in the catalog (atthasmissing). Other changes
    of columns write nothing anew.
    """
    if known.columns == now.columns:
        return False
    if not known.types:
        # Another release has noted it.
        return True
    before = dict(pair.split(":") for pair in known.types.split(","))
    after = dict(pair.split(":") for pair in now.types.split(","))
    if any(before.get(number, kind) != kind for number, kind in after.items()):
        return True
    new = [int(number) for number in after if number not in before]
    statement = sql.SQL("""
        SELECT COALESCE(pg_catalog.bool_or(
            NOT a.atthasmissing AND (
                a.atthasdef
                OR a.attidentity <> ''
                OR a.attgenerated <> ''
                OR t.typtype = 'd'
            )
        ), FALSE)
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = {oid} AND a.attnum = ANY ({new}::int2[])
        """)
    values = {"oid": sql.Literal(table.oid), "new": sql.Literal(new)}
    return bool(database.row(statement.format(**values))[0])


def _sequence_is_behind(known: SourceIdentity, now: SourceIdentity) -> bool:
    return (now.sequence or 0) < (known.sequence or 0)


def _attached_with_rows(
    database: Database,
    table: SourceTable,
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
            c.oid::bigint,
            (
                SELECT pg_catalog.bool_and(
                    pg_catalog.has_column_privilege(c.oid, s.name, 'SELECT')
                )
                FROM pg_catalog.unnest({columns}::text[]) AS s (name)
            )
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
            c.relkind IN ('r', 'm') AND pg_catalog.pg_relation_size(c.oid) = 0
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = ANY({oids}::bigint[]::oid[])
        """)
    values = {
        "oids": sql.Literal(new),
        "columns": sql.Literal(list(cursor.spec.columns)),
    }
    for schema, name, has_parts, oid, readable, empty in database.rows(
        statement.format(**values)
    ):
        if has_parts or empty:
            continue
        relation: sql.Composable = sql.Identifier(schema, name)
        rows = sql.SQL("SELECT EXISTS (SELECT 1 FROM ONLY {} WHERE {} <= {})")
        if not readable:
            # A right on the parent is right enough; it costs a look at all partitions.
            if not table.has_row_identity:
                return True
            relation = table.name
            rows = sql.SQL(
                "SELECT EXISTS (SELECT 1 FROM {} WHERE {} <= {} AND tableoid = {}::oid)"
            )
        found = rows.format(relation, cursor.value, lower, sql.Literal(oid))
        if database.row(found)[0]:
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
    if not database.row(below.format(cursor.value, lower, table.name))[0]:
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
                WHERE {cursor} IS NOT NULL
                ORDER BY {cursor} DESC
                LIMIT {limit}
            ) AS r
            WHERE pg_catalog.age(r.xmin) <= pg_catalog.age({since}::xid)
        )
        """)
    since = sql.Literal(str(known.next_transaction % 2**32))
    values = {"table": table.name, "cursor": cursor.value_of_t, "since": since}
    return bool(
        database.row(statement.format(limit=sql.Literal(_NEWEST_ROWS), **values))[0]
    )
