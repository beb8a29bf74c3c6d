"""What pipes do: they hear of files, load each once, and keep a history."""

from __future__ import annotations

import json
import os
import queue
import re
import threading
from collections import Counter
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import duckdb
import pyarrow
from botocore.exceptions import BotoCoreError, ClientError

from local.snowflake_server.core.catalog import Table
from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.names import Name, encode, literal, quoted
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import stages
from local.snowflake_server.rows import copy_into
from local.snowflake_server.rows.csv_text import parse_csv
from local.snowflake_server.rows.pipes import Pipe

HISTORY = "COPY_HISTORY "
_EVENTS_PATH = "/local/events"
_ANSWER_SECONDS = 30.0
_TOO_FEW_OR_MANY = 100080
_GOT = re.compile(r"got (\d+)")


def install(account: Account) -> None:
    """The history, in DuckDB: it commits with the rows; and the pipes' threads."""
    account.duck.execute(
        "CREATE TABLE _pipe_loads (table_number BIGINT, file VARCHAR, tail VARCHAR, "
        "status VARCHAR, row_count BIGINT, bytes BIGINT, errors BIGINT)"
    )
    account.pipes = Loader(account)


class Loader:
    """Loads files in a thread of its own, one after the other.

    Notifications come from the local S3, of which it asks as of a queue. If S3 sends
    none (it is not the one of this stack), only REFRESH brings files.
    """

    def __init__(self, account: Account) -> None:
        """Start nothing yet: most accounts have no pipe."""
        self._account = account
        self._lock = threading.Lock()
        self._listening = False
        self._queue: queue.Queue[tuple[Name, str]] = queue.Queue()
        self._held: list[tuple[Name, str]] = []
        self._pending: Counter[Name] = Counter()

    def listen(self) -> None:
        """Hear of every file that lands from now on."""
        with self._lock:
            if self._listening:
                return
            self._listening = True
        threading.Thread(target=self._load_all, daemon=True).start()
        try:
            last = int(_asked("")["last"])
        except (URLError, OSError, ValueError, KeyError):
            return
        threading.Thread(target=self._hear, args=(last,), daemon=True).start()

    def send(self, name: Name, key: str) -> None:
        """Put a file into the queue of a pipe."""
        with self._lock:
            self._pending[name] += 1
        self._queue.put((name, key))

    def resumed(self, name: Name) -> None:
        """Go on with what a pause has held back."""
        with self._lock:
            again = [item for item in self._held if item[0] == name]
            self._held = [item for item in self._held if item[0] != name]
        for item in again:
            self._queue.put(item)

    def pending(self, name: Name) -> int:
        """Files that a pipe knows of and has not looked at."""
        with self._lock:
            return self._pending[name]

    def _hear(self, last: int) -> None:
        while True:
            try:
                told = _asked(f"?after={last}")
            except (URLError, OSError, ValueError):
                return  # S3 is gone, and the stack with it.
            last = int(told["last"])
            for path in told["keys"]:
                bucket, _, key = path.partition("/")
                for pipe in list(self._account.catalog.in_schema["PIPE"].values()):
                    if pipe.options.get("AUTO_INGEST") and pipe.takes(bucket, key):
                        self.send(pipe.name, key)

    def _load_all(self) -> None:
        while True:
            name, key = self._queue.get()
            pipe = self._account.catalog.in_schema["PIPE"].get(name)
            if pipe is not None and pipe.paused:
                with self._lock:
                    self._held.append((name, key))
                continue
            if pipe is not None:
                _load(self._account, pipe, key)
            with self._lock:
                self._pending[name] -= 1


def _asked(query: str) -> dict[str, Any]:
    url = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/") + _EVENTS_PATH + query
    with urlopen(url, timeout=_ANSWER_SECONDS) as response:
        told: dict[str, Any] = json.loads(response.read())
    return told


# --- one file -------------------------------------------------------------------------


def _load(account: Account, pipe: Pipe, key: str) -> None:
    """Load a file that the pipe's table does not know, or record why it could not be.

    Tests hold or delay it by a rule that matches "PIPE <name> <key>".
    """
    session = account.new_session(user="SYSTEM", role=pipe.owner)
    try:
        told = Statement(text=f"PIPE {pipe.name} {key}", session=session)
        account.faults.visit("before", told)
        reply = stages.s3().get_object(Bucket=pipe.bucket, Key=key)
        _load_content(account, session, pipe, key, reply["Body"].read())
    except (ClientError, BotoCoreError, SnowflakeError):
        return  # The file or the table is gone: nothing is recorded, as of a lost one.
    finally:
        account.close_session(session)


def _load_content(
    account: Account, session: Session, pipe: Pipe, key: str, content: bytes
) -> None:
    table = account.catalog.table(pipe.table)

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        if not _is_known(connection, table, key):
            rows = _insert(connection, pipe, table, key, content)
            _record(connection, pipe, table, key, "Loaded", rows, len(content), 0)

    def failed(connection: duckdb.DuckDBPyConnection) -> None:
        _record(connection, pipe, table, key, "Load failed", 0, len(content), 1)

    try:
        session.scope.write(work)
    except (SnowflakeError, duckdb.Error):
        session.scope.write(failed)


def _is_known(connection: duckdb.DuckDBPyConnection, table: Table, key: str) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM _pipe_loads WHERE table_number = ? AND file = ?",
        [table.number, key],
    ).fetchall()
    return bool(found[0][0])


def _record(
    connection: duckdb.DuckDBPyConnection,
    pipe: Pipe,
    table: Table,
    key: str,
    status: str,
    rows: int,
    size: int,
    errors: int,
) -> None:
    tail = key.removeprefix(pipe.prefix)
    connection.execute(
        "INSERT INTO _pipe_loads VALUES (?, ?, ?, ?, ?, ?, ?)",
        [table.number, key, tail, status, rows, size, errors],
    )


def _insert(
    connection: duckdb.DuckDBPyConnection,
    pipe: Pipe,
    table: Table,
    key: str,
    content: bytes,
) -> int:
    data = copy_into.decompressed(content, pipe.format["COMPRESSION"], key)
    if not data:
        return 0
    rows = _fields(pipe, data, key)
    names = ", ".join(quoted(encode(c)) for c in pipe.columns)
    values = ", ".join(f"c{at - 1}" if at else literal(key) for at in pipe.fields)
    connection.register("_piped", rows)
    try:
        connection.execute(
            f"INSERT INTO {table.physical} ({names}) SELECT {values} FROM _piped"
        )
    finally:
        connection.unregister("_piped")
    return int(rows.num_rows)


def _fields(pipe: Pipe, data: bytes, key: str) -> pyarrow.Table:
    """The fields that the SELECT names: those too many are cut, missing ones NULL."""
    wanted = max(pipe.fields)
    options: dict[str, Any] = {
        "delimiter": pipe.format["FIELD_DELIMITER"].replace("\\t", "\t"),
        "skip": pipe.format["SKIP_HEADER"],
        "name": key,
        "skip_mark": pipe.format["SKIP_BYTE_ORDER_MARK"],
    }
    try:
        return parse_csv(data, width=wanted, **options)
    except SnowflakeError as error:
        got = _GOT.search(error.message)
        if error.code != _TOO_FEW_OR_MANY or got is None or got[1] == "0":
            raise
        found = parse_csv(data, width=int(got[1]), **options)
    while found.num_columns < wanted:
        missing = pyarrow.nulls(found.num_rows, pyarrow.string())
        found = found.append_column(f"c{found.num_columns}", missing)
    return found


# --- INFORMATION_SCHEMA.COPY_HISTORY --------------------------------------------------


def register_history(account: Account, session: Session, view: str) -> str:
    """Make the history of one table readable for the session's connection.

    Returns:
        The name to read it by.

    Raises:
        SnowflakeError: There is no such table.
    """
    path = Scanner(view.removeprefix(HISTORY)).path()
    table = account.catalog.table(account.name(session, path))
    rows: Any = session.scope.read(
        lambda connection: connection.execute(
            'SELECT tail AS "FILE_NAME", status AS "STATUS", row_count AS "ROW_COUNT",'
            ' bytes AS "FILE_SIZE", errors AS "ERROR_COUNT" FROM _pipe_loads'
            " WHERE table_number = ?",
            [table.number],
        ).to_arrow_table()
    )
    name = f"_copy_history_{table.number}"
    session.scope.connection.register(name, rows)
    return name
