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
        """Takes one row as PostgreSQL wrote it, line end included."""


class Database:
    """One connection, used by one extraction.

    Attributes:
        source: Whose database it is, and what it trusts.
        hash_key_id: Fingerprint of the key that this session hashes columns with.
    """

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
        raise _connect_error(error, source) from None
    except psycopg2.Error as error:
        raise translate(error) from None
    try:
        # Statements are single transactions until `begin_snapshot`.
        connection.autocommit = True
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


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turns psycopg2's errors inside the block into ours."""
    try:
        yield
    except psycopg2.Error as error:
        raise translate(error) from error


# SQLSTATE -> (code, message). PostgreSQL's own text may quote values, so it is not
# used.
NOT_ITS_TYPE = (
    "A text is no value of its type: a bound of the request, or one inside the view."
)
_BY_STATE: dict[str, tuple[str, str]] = {
    "42501": ("permission_denied", "PostgreSQL denied reading the table."),
    "42P01": ("table_not_found", "The table does not exist (any more)."),
    "3F000": ("table_not_found", "The schema does not exist (any more)."),
    "42703": ("column_not_found", "A column does not exist (any more)."),
    "22023": (
        "bad_request",
        "PostgreSQL does not know a setting of the table, for example its time zone.",
    ),
    "54000": (
        "value_refused",
        "A value or a row is larger than PostgreSQL itself can send.",
    ),
    "22007": ("bad_request", NOT_ITS_TYPE),
    "22008": ("bad_request", NOT_ITS_TYPE),
    "22003": ("bad_request", NOT_ITS_TYPE),
    "22P02": ("bad_request", NOT_ITS_TYPE),
    "57014": ("window_too_large", "The statement did not end within the time budget."),
    "55P03": ("source_error", "The table was locked by another session for too long."),
    "25P03": ("source_unreachable", "PostgreSQL closed the idle transaction."),
    "25P04": ("window_too_large", "The transaction did not end within the budget."),
    "40001": ("source_error", "The snapshot conflicted with recovery on the replica."),
    "28P01": ("source_authentication", "PostgreSQL refused the login."),
    "28000": ("source_authentication", "PostgreSQL refused the login."),
    "3D000": ("source_error", "The database does not exist."),
    "53300": ("too_many_connections", "PostgreSQL has no connection left."),
    "55000": (
        "source_cannot_be_read",
        "The relation is not ready: a materialized view, for example, without data.",
    ),
    "22012": ("source_cannot_be_read", "A view or generated value divides by zero."),
    "22021": (
        "source_cannot_be_read",
        "A text holds bytes that are no characters in the database's encoding.",
    ),
    "22P05": (
        "source_cannot_be_read",
        "A text holds a character that UTF-8 has no place for.",
    ),
    "P0001": ("source_cannot_be_read", "A function of the relation raised an error."),
    "XX001": ("source_cannot_be_read", "A page of the table is corrupt."),
    "XX002": ("source_cannot_be_read", "An index of the table is corrupt."),
}
_BY_CLASS: dict[str, tuple[str, str]] = {
    "08": ("source_unreachable", "The connection to PostgreSQL broke."),
    "53": ("source_unreachable", "PostgreSQL is out of resources or connections."),
    "57": ("source_unreachable", "PostgreSQL is shutting down or not ready."),
    # What a view or one of its functions computes; the same rows fail again.
    "21": ("source_cannot_be_read", "A view's subquery answers several rows."),
    "22": ("source_cannot_be_read", "A view or function fails on a value."),
    "23": ("source_cannot_be_read", "A function of the relation raised an error."),
    "38": ("source_cannot_be_read", "A function of the relation raised an error."),
    "39": ("source_cannot_be_read", "A function of the relation raised an error."),
    "P0": ("source_cannot_be_read", "A function of the relation raised an error."),
}


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
    code, message = _BY_STATE.get(state) or _BY_CLASS.get(
        state[:2], ("source_error", "PostgreSQL failed.")
    )
    # Raised because row_security is off. A translated text is reported as any refusal.
    if state == "42501" and "row-level security" in (error.diag.message_primary or ""):
        code, message = "row_security", "Row level security hides rows of the table."
    kind = AuthenticationError if code == "source_authentication" else SourceError
    return kind(code, f"{message} (SQLSTATE {state or 'none'})")


def _connect_error(error: psycopg2.OperationalError, source: Source) -> SourceError:
    """Tells refusals from a missing server.

    libpq gives no SQLSTATE for a failed connection, only text in English or the
    server's language, so the known phrases are looked for and nothing of the text is
    passed on.
    """
    text = str(error)
    where = f"source {source.name!r} ({source.host}:{source.port})"
    if "authentication failed" in text or "no pg_hba.conf entry" in text:
        return AuthenticationError(
            "source_authentication", f"PostgreSQL of {where} refused the login."
        )
    if "no password supplied" in text or "password is required" in text:
        return AuthenticationError(
            "source_authentication", f"PostgreSQL of {where} asks for a password."
        )
    if 'role "' in text and "does not exist" in text:
        # A leased role that is gone, if no password is asked for.
        return AuthenticationError(
            "source_authentication", f"PostgreSQL of {where} has no such user."
        )
    if "is not permitted to log in" in text:
        return AuthenticationError(
            "source_authentication",
            f"PostgreSQL of {where} has the user, but with NOLOGIN.",
            hint="ALTER ROLE ... LOGIN.",
        )
    if (
        "too many connections" in text
        or "connection slots" in text
        or ("too many clients" in text)
    ):
        return SourceError(
            "too_many_connections", f"PostgreSQL of {where} has no connection left."
        )
    if "database" in text and "does not exist" in text:
        return SourceError(
            "source_error",
            f"PostgreSQL of {where} has no database {source.dbname!r}.",
            hint="Correct dbname in the SOURCES setting of the Lambda function.",
        )
    if "SSL" in text or "certificate" in text:
        return SourceError(
            "source_unreachable",
            f"No TLS connection to PostgreSQL of {where} (sslmode {source.sslmode}).",
            hint=_tls_hint(text),
        )
    return SourceError(
        "source_unreachable", f"PostgreSQL of {where} could not be reached."
    )


def _tls_hint(text: str) -> str:
    """Says which part of the verification failed, by libpq's and OpenSSL's phrases."""
    if "root certificate file" in text:
        return "There is no usable file at sslrootcert of the source: correct its path."
    if "does not match host name" in text:
        return (
            "The certificate is another host's: set host of the source to the"
            " cluster's own endpoint, not to an address or an alias."
        )
    # The second one: a CA of the same name with another key.
    if "certificate verify failed" in text or "signature failure" in text:
        return (
            "No CA certificate of sslrootcert has signed the server's. For a new AWS"
            " region: scripts/package_lambda.sh --rds-ca with Amazon's newest bundle."
        )
    return (
        "Check sslmode and sslrootcert of the source, and whether the server has TLS."
    )
