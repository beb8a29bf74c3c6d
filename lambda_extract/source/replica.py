"""A reader that follows its writer: is it far enough to be read?

Nothing is missed if the proof is taken on the writer first, then a position of the
log, and the reader has replayed the log up to it before the snapshot opens there:
whatever had ended when the proof looked has its end before the position. The other way
round, a transaction may end between the position and the proof, which is then neither
in the snapshot nor among the open ones.
"""

import time

from psycopg2 import sql

from lambda_extract.errors import SourceError
from lambda_extract.source.database import Database
from lambda_extract.source.durable import write_message

# Short beside the time of a snapshot, long beside that of a statement.
POLL_SECONDS = 0.1


class ReaderBehind(SourceError):
    """The reader cannot serve this request: it is too far behind, or no reader."""

    def __init__(self, message: str) -> None:
        super().__init__("reader_behind", message)


def follow(database: Database) -> None:
    """Waits until a reader has replayed what its writer has done so far.

    Call it after the proof and before the snapshot; without a reader it does nothing. A
    request calls it when it connects, too: then it reads the columns as they are now.

    Raises:
        ReaderBehind: It has not within `reader_wait_seconds` of the source.
        SourceError: One of the two cannot be reached.
    """
    writer = database.writer
    reader = database.source.reader
    if writer is database or reader is None:
        return
    aurora = is_aurora(database)
    position = _aurora_position(writer) if aurora else _position(writer)
    end = time.monotonic() + reader.wait_seconds
    while True:
        reached = (
            _aurora_reached(database, position)
            if aurora
            else _reached(database, position)
        )
        if reached:
            return
        if time.monotonic() >= end:
            raise ReaderBehind(
                f"The reader has not replayed within {reader.wait_seconds:g} s what the"
                " writer had done."
            )
        time.sleep(POLL_SECONDS)


def check_still_follows(database: Database) -> None:
    """Makes sure that what was read is the writer's: no reader was promoted meanwhile.

    Raises:
        SourceError: source_error, retryable.
    """
    if database.writer is not database and not _in_recovery(database):
        raise SourceError(
            "source_error", "The reader was promoted to a server of its own meanwhile."
        )


def is_aurora(database: Database) -> bool:
    """Returns whether Aurora's own functions tell how far a reader is."""
    statement = sql.SQL("""
        SELECT pg_catalog.count(*) > 0
        FROM pg_catalog.pg_proc AS p
        WHERE p.proname = 'aurora_replica_status' AND p.pronargs = 0
            AND p.pronamespace = 'pg_catalog'::regnamespace
        """)
    return bool(database.row(statement)[0])


def _position(writer: Database) -> str:
    """Returns a position behind all that has ended so far.

    The end of a message of our own: the position where the next record would begin may
    lie behind the header of a page, and a reader of an idle writer never gets there.
    """
    written = write_message(writer)
    if written is not None:
        return written
    (position,) = writer.row(
        sql.SQL("SELECT pg_catalog.pg_current_wal_insert_lsn()::text")
    )
    return str(position)


def _reached(database: Database, position: str) -> bool:
    """Returns whether a streaming replica has replayed up to a position."""
    if not _in_recovery(database):
        raise ReaderBehind("The reader is a server of its own: it follows nobody.")
    statement = sql.SQL("""
        SELECT COALESCE(
            pg_catalog.pg_last_wal_replay_lsn() >= {position}::pg_lsn, FALSE
        )
        """)
    (reached,) = database.row(statement.format(position=sql.Literal(position)))
    return bool(reached)


def _in_recovery(database: Database) -> bool:
    (recovering,) = database.row(sql.SQL("SELECT pg_catalog.pg_is_in_recovery()"))
    return bool(recovering)


# --- Aurora (AuroraUserGuide/aurora_replica_status) -----------------------------------


def _aurora_position(writer: Database) -> str:
    """Returns the writer's position that storage has, after a commit that waits."""
    write_message(writer)
    (position,) = writer.row(sql.SQL("""
        SELECT s.durable_lsn::text
        FROM pg_catalog.aurora_replica_status() AS s
        WHERE s.session_id = 'MASTER_SESSION_ID'
        """))
    return str(position)


def _aurora_reached(database: Database, position: str) -> bool:
    """Returns whether an Aurora reader has applied up to a position."""
    statement = sql.SQL("""
        SELECT COALESCE(
            pg_catalog.bool_and(s.durable_lsn >= {position}::numeric), FALSE
        )
        FROM pg_catalog.aurora_replica_status() AS s
        WHERE s.server_id = pg_catalog.aurora_db_instance_identifier()
            AND s.session_id <> 'MASTER_SESSION_ID'
        """)
    (reached,) = database.row(statement.format(position=sql.Literal(position)))
    return bool(reached)
