"""Nothing is delivered that the source itself could still lose.

A row committed with `synchronous_commit = off` is visible before its WAL is on disk. If
the server crashes then, the row never was, and the target will never learn of it.
"""

from psycopg2 import sql

from lambda_extract.contract import Warning
from lambda_extract.errors import SourceError
from lambda_extract.source.database import Database


def make_durable(database: Database) -> tuple[Warning, ...]:
    """Waits until all that was visible so far is on the source's disk.

    Call it after the snapshot's end and before the reply. A commit of its own that
    wrote WAL and waits for the disk takes all WAL before it along, which costs about a
    millisecond. Waiting for the flush position alone may last for ever, and a
    transaction that wrote no WAL is not flushed. A replica has only what the writer has
    sent it, and cannot write: nothing is done there.

    Returns:
        A warning if the role may not do so.

    Raises:
        SourceError: The source failed meanwhile: what was read must not be delivered.
    """
    replica, allowed = database.row(sql.SQL("""
        SELECT
            pg_catalog.pg_is_in_recovery(),
            COALESCE(
                pg_catalog.bool_and(
                    pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
                ),
                FALSE
            )
        FROM pg_catalog.pg_proc AS p
        -- Its arguments differ between versions.
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
            AND p.proname = 'pg_logical_emit_message'
            AND p.proargtypes[2] = 'text'::regtype
        """))
    if replica:
        return ()
    if not allowed:
        return (_not_durable(),)
    _write(database)
    return ()


def write_message(database: Database) -> str | None:
    """Commits a message of its own and waits for the disk.

    Returns:
        The position of the log behind it; None if the role may not write one.

    Raises:
        SourceError: The source failed meanwhile.
    """
    try:
        return _write(database)
    except SourceError as error:
        if error.code != "permission_denied":
            raise
        return None


def _write(database: Database) -> str:
    # The setting holds for the commit of this one transaction.
    ((position,),) = database.rows_committed(sql.SQL("""
        SET LOCAL synchronous_commit = local;
        SELECT pg_catalog.pg_logical_emit_message(TRUE, 'aurora_sync', '')::text
        """))
    return str(position)


def _not_durable() -> Warning:
    return Warning(
        code="durability_not_proven",
        message="The reader role may not wait until the rows are on the source's disk:"
        " rows committed with synchronous_commit = off may be delivered and then lost"
        " by the source in a crash.",
        hint="GRANT EXECUTE on the function pg_logical_emit_message (with text content)"
        " to the reader role.",
    )
