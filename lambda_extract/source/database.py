"""The only module that talks to PostgreSQL; it turns PostgreSQL's errors into ours.

Statements are composed with psycopg2.sql (see query.py) and always executed without
parameters, so that a `%` in an identifier is nothing special.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Protocol

import psycopg2
import psycopg2.errors
import psycopg2.extensions
from psycopg2 import sql

from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import AuthenticationError, SourceError, WatchedTextSeen
from lambda_extract.settings import Source
from lambda_extract.source import session
from lambda_extract.source.logins import refusal
from lambda_extract.source.sqlstates import decide
from lambda_extract.values import protect

# A paused Aurora Serverless cluster resumes in about 15 s and more (A16).
CONNECT_SECONDS = 35
OVER_BUDGET = "The extraction did not end within its time budget."
# PostgreSQL cuts application_name at NAMEDATALEN - 1 bytes.
MAX_APPLICATION_NAME = 63
APPLICATION_PREFIX = "aurora_sync:"
COPY_BLOCK_BYTES = 1 << 20
# Stands in the message by which PostgreSQL ends a guarded COPY (wire.py), and so in its
# log as well: nothing has gone wrong there.
GUARD_TEXT = "aurora_sync: a special value, the table is read again carefully"

Row = tuple[Any, ...]


class RowSink(Protocol):
    """Takes the rows of a COPY; `write` is called with exactly one row."""

    def write(self, row: bytes) -> object:
        """Takes one row as PostgreSQL wrote it; of CSV with its line end."""


class Database:
    """One connection, used by one extraction at a time.

    Attributes:
        source: Whose database it is, and what it trusts.
        hash_key_id: Fingerprint of the key that this session hashes columns with.
        writer: The server whose changes this one follows; itself if it follows nobody.
    """

    writer: "Database"

    def __init__(
        self,
        connection: psycopg2.extensions.connection,
        source: Source,
        *,
        deadline: float,
        budget_seconds: float,
        hash_key_id: str = "",
    ) -> None:
        self._connection = connection
        self.source = source
        self.hash_key_id = hash_key_id
        self.writer = self
        self._deadline = deadline
        self._in_snapshot = False
        # A READ ONLY transaction of the last statement, which the next one ends.
        self._open = False

    @property
    def server_version(self) -> int:
        """Version as PostgreSQL counts it, e.g. 180004."""
        return int(self._connection.server_version)

    def rows(self, statement: sql.Composable) -> list[Row]:
        """Runs a query and returns all of its rows.

        Outside a snapshot it has a READ ONLY transaction of its own, which sees what is
        committed by then.

        Raises:
            SourceError: See `translate`.
        """
        with translated(), self._connection.cursor() as cursor:
            self._send(cursor, statement)
            return list(cursor.fetchall())

    def row(self, statement: sql.Composable) -> Row:
        """Runs a query that answers exactly one row."""
        (row,) = self.rows(statement)
        return row

    def execute(self, statement: sql.Composable) -> None:
        """Runs a statement that answers no rows, as `rows` does."""
        with translated(), self._connection.cursor() as cursor:
            self._send(cursor, statement)

    def described(self, query: sql.Composable) -> tuple[tuple[int, int], ...]:
        """Runs a query and returns table and number of the columns that it reads."""
        with translated(), self._connection.cursor() as cursor:
            self._send(cursor, query)
            columns = cursor.description or ()
            return tuple((c.table_oid or 0, c.table_column or 0) for c in columns)

    def rows_committed(self, statement: sql.Composable) -> list[Row]:
        """Runs statements in one transaction that may write, and commits it.

        They must name functions of pg_catalog alone: no code of others runs in them.
        """
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(self._begin("BEGIN") + statement)
            found = list(cursor.fetchall())
            cursor.execute("COMMIT")
            return found

    def begin_snapshot(self) -> None:
        """Begins the REPEATABLE READ READ ONLY transaction.

        The snapshot itself is taken by the first statement that reads.
        """
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(self._begin(session.SNAPSHOT))
        self._in_snapshot = True

    def end_snapshot(self) -> None:
        """Ends the snapshot; the next statement, or the end of the session, commits it.

        Raises:
            SourceError: source_cannot_be_read, if code of the relation has changed what
                the values look like.
        """
        values = self.row(sql.SQL(session.read_settings()))
        self._in_snapshot, self._open = False, True
        changed = session.changed_settings(values)
        if changed:
            raise SourceError(
                "source_cannot_be_read",
                "A function of the relation changes settings of the session that reads"
                f" it: {', '.join(changed)}.",
            )

    def copy(self, statement: sql.Composable, sink: RowSink) -> int:
        """Streams a COPY ... TO STDOUT into `sink`, inside the transaction.

        Returns:
            The row count of the server's own command tag.

        Raises:
            SourceError: See `translate`.
            LandingError: From the sink.
            WatchedTextSeen: From the sink, or from the guard of the statement.
        """
        with translated(), self._connection.cursor() as cursor:
            # A COPY is sent alone.
            cursor.execute(session.time_limit(self._left()))
            try:
                cursor.copy_expert(statement, sink, COPY_BLOCK_BYTES)
            except psycopg2.errors.InvalidTextRepresentation as error:
                if GUARD_TEXT in (error.diag.message_primary or ""):
                    raise WatchedTextSeen from None
                raise
            return int(cursor.rowcount)

    def reset(self, application_name: str, *, deadline: float) -> None:
        """Makes the session what a new one is, for another table.

        Whatever the code of a relation has left in it goes: settings are again those of
        the login, and roles, locks, plans and temporary tables are none.

        Args:
            deadline: Of the statements that follow (time.monotonic()).

        Raises:
            SourceError: The connection is broken: a new one is needed.
        """
        self._deadline = deadline
        self._in_snapshot = self._open = False
        with translated(), self._connection.cursor() as cursor:
            status = self._connection.info.transaction_status
            if status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
                cursor.execute("ROLLBACK")
            # Alone, or it would stand in a transaction block, where it is refused.
            cursor.execute("DISCARD ALL")
            lifted = "".join(
                f"; SET {name} = 0" for name in later_timeouts(self._connection)
            )
            name = sql.Literal(application_name[:MAX_APPLICATION_NAME])
            cursor.execute(
                sql.SQL("SET application_name = {}{}").format(name, sql.SQL(lifted))
            )

    def try_copy(self, statement: sql.Composable, *, seconds: float) -> None:
        """Reads what nobody wants, in a transaction of its own; ends the one before.

        Args:
            seconds: It ends within this time.

        Raises:
            SourceError: See `translate`.
        """
        if seconds <= 0:
            raise SourceError("window_too_large", OVER_BUDGET)
        with translated(), self._connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
            self._in_snapshot = self._open = False
            cursor.execute(self._begin(session.READ_ONLY))
            self._open = True
            cursor.execute(session.time_limit(min(seconds, self._left())))
            cursor.copy_expert(statement, _Nobody(), COPY_BLOCK_BYTES)

    def copy_alone(self, statement: sql.Composable, sink: RowSink) -> int:
        """Streams a COPY in a READ ONLY transaction of its own; see `copy`."""
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(self._begin(session.READ_ONLY))
        self._open = True
        return self.copy(statement, sink)

    @property
    def seconds_left(self) -> float:
        """What is left of the budget; 0 or less: nothing."""
        return self._deadline - time.monotonic()

    def _send(
        self, cursor: psycopg2.extensions.cursor, statement: sql.Composable
    ) -> None:
        """Sends a statement, in the snapshot or in a transaction of its own.

        The end of the one before and all settings travel with it, so that reading
        READ ONLY costs no round trip.
        """
        if self._in_snapshot:
            limit = session.time_limit(self._left())
            cursor.execute(sql.SQL(f"{limit}; ") + statement)
            return
        begin = self._begin(session.READ_ONLY)
        self._open = True
        cursor.execute(begin + statement)

    def _begin(self, how: str) -> sql.Composable:
        """Returns the beginning of a transaction, and the end of the one before.

        COMMIT ends a failed transaction as well.
        """
        again = session.settings_again(self._left())
        end = "COMMIT; " if self._open else ""
        self._open = False
        return sql.SQL(f"{end}{how}; {again}; ")

    def _left(self) -> float:
        """Returns the seconds that are left of the budget.

        Raises:
            SourceError: window_too_large, if nothing is left.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SourceError("window_too_large", OVER_BUDGET)
        return left

    def close(self) -> None:
        """Closes the connection; an open transaction is rolled back by the server."""
        self._connection.close()


class _Nobody:
    """Takes the rows of a COPY and keeps none."""

    def write(self, row: bytes) -> object:
        """Takes a row."""
        return len(row)


@contextlib.contextmanager
def connected(
    source: Source,
    credentials: Credentials,
    *,
    application_name: str,
    budget_seconds: float,
    hash_key: str = "",
) -> Iterator[Database]:
    """Connects for the length of a `with` block.

    Args:
        application_name: Shown in pg_stat_activity; cut to 63 bytes.
        budget_seconds: Login and all statements together end within this time.
        hash_key: Hashes columns in this session; empty if none is hashed.

    Raises:
        SourceError: source_unreachable, source_authentication, ...
    """
    deadline = time.monotonic() + budget_seconds
    try:
        connection = psycopg2.connect(
            host=source.host,
            port=source.port,
            dbname=source.dbname,
            user=credentials.user,
            password=credentials.password or None,
            sslmode=source.sslmode,
            sslrootcert=source.sslrootcert or None,
            connect_timeout=CONNECT_SECONDS,
            application_name=application_name,
            client_encoding="UTF8",
            # A worker in a VPC may lose its peer without being told.
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            options=session.login_options(budget_seconds, hash_key),
        )
    except psycopg2.OperationalError as error:
        # Not `from error`: libpq's text may quote the options, and with them the key.
        raise refusal(str(error), source) from None
    except psycopg2.Error as error:
        raise translate(error) from None
    try:
        # Statements are single transactions until `begin_snapshot`.
        connection.autocommit = True
        _lift_timeouts(connection)
        yield Database(
            connection,
            source,
            deadline=deadline,
            budget_seconds=budget_seconds,
            hash_key_id=protect.fingerprint(hash_key) if hash_key else "",
        )
    finally:
        connection.close()


def application_name(table: str, run_id: str) -> str:
    """Returns the application_name of an extraction, at most 63 bytes of ASCII."""
    name = f"{APPLICATION_PREFIX}{table}:{run_id}"
    ascii_only = name.encode("ascii", "replace").decode()
    return ascii_only[:MAX_APPLICATION_NAME]


# Since the version (as PostgreSQL counts it): before, they are unknown, and to name one
# among the options would end the login.
_LATER_TIMEOUTS = {140000: "idle_session_timeout", 170000: "transaction_timeout"}


def later_timeouts(connection: psycopg2.extensions.connection) -> list[str]:
    """Returns what the role or the database may have set in this version."""
    return [
        name
        for since, name in _LATER_TIMEOUTS.items()
        if connection.server_version >= since
    ]


def _lift_timeouts(connection: psycopg2.extensions.connection) -> None:
    """Takes back what the role or the database may have: the budget ends everything."""
    names = later_timeouts(connection)
    if names:
        with translated(), connection.cursor() as cursor:
            cursor.execute("; ".join(f"SET {name} = 0" for name in names))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turns psycopg2's errors inside the block into ours."""
    try:
        yield
    except psycopg2.Error as error:
        raise translate(error) from error


def translate(error: psycopg2.Error) -> SourceError:
    """Returns our error for one of psycopg2's, without any text of the server."""
    state = error.pgcode or ""
    # A COPY whose connection is cut ends in a plain DatabaseError at times.
    if not state and (
        isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
        or type(error) is psycopg2.DatabaseError
    ):
        return SourceError(
            "source_unreachable", "The connection to PostgreSQL broke off."
        )
    told = decide(state, error.diag.message_primary or "")
    kind = AuthenticationError if told.code == "source_authentication" else SourceError
    message = f"{told.message} (SQLSTATE {state or 'none'})"
    translated_error = kind(told.code, message, hint=told.hint)
    translated_error.sqlstate = state
    return translated_error
