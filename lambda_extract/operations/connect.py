"""The login to the source that a request names."""

import contextlib
import random
import time
from collections.abc import Iterator
from typing import Any

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import AuthenticationError, SourceError
from lambda_extract.settings import Settings, Source
from lambda_extract.source.database import (
    OVER_BUDGET,
    Database,
    application_name,
    connected,
)
from lambda_extract.source.replica import ReaderBehind, check_still_follows, follow

# With less it is not worth while to connect.
SHORTEST_SECONDS = 0.1
# Between two attempts to get one of the source's connections: others read for about a
# second, and each attempt is a process of the server.
PAUSE_SECONDS = (0.5, 1.5)
# The other half of a job's time is left to read in.
WAITING_SHARE = 0.5

TableRequest = (
    contract.ExtractRequest
    | contract.KeysRequest
    | contract.PlanRequest
    | contract.DigestRequest
)


@contextlib.contextmanager
def open_source(
    request: TableRequest,
    settings: Settings,
    *,
    deadline: float,
    use_reader: bool = True,
) -> Iterator[Database]:
    """Connects to a request's source; a refused cached password is read again.

    If rows are read from a replica, both are connected: the proof is the writer's, see
    `Database.writer`. If the source has no connection left, it waits for one: the
    tables of a group come all at once, and each has its place after some others (E3).

    Args:
        use_reader: False reads from the writer, whatever the source says.
        deadline: Of the whole job (time.monotonic()), however often it connects.

    Raises:
        ReaderBehind: The replica cannot be reached.
        ExtractError: unknown_source, table_not_allowed, credentials_..., source_...
    """
    table = request.table
    source = settings.source(table.source)
    source.check_allowed(table.schema, table.relation)
    name = application_name(request.table.name, request.run_id)
    hashes = any(column.protect == "hash" for column in request.table.columns)
    waiting = WAITING_SHARE * _left(deadline)
    with connect(
        request.table.source,
        name,
        settings,
        deadline=deadline,
        hashes=hashes,
        waiting_seconds=waiting,
    ) as writer:
        if source.reader is None or not use_reader:
            yield writer
            return
        with contextlib.ExitStack() as stack:
            login = _login(source.replica, name, deadline=deadline, hashes=hashes)
            try:
                reader = stack.enter_context(login)
            except SourceError as error:
                if error.code == "window_too_large":
                    raise
                message = f"The reader cannot be reached ({error.code})."
                raise ReaderBehind(message) from error
            reader.writer = writer
            # Tables and columns are those of now as well, not only rows.
            follow(reader)
            yield reader
            check_still_follows(reader)


@contextlib.contextmanager
def connect(
    source_name: str,
    name: str,
    settings: Settings,
    *,
    deadline: float,
    hashes: bool = False,
    waiting_seconds: float = 0.0,
    log: bool = False,
) -> Iterator[Database]:
    """Connects to a source: to its writer.

    Args:
        hashes: The session needs the key that hashes columns.
        waiting_seconds: How long to wait for a connection if none is left.
        log: With the login that reads the log.

    Raises:
        ExtractError: unknown_source, credentials_..., source_...
    """
    source = settings.source(source_name)
    with _login(
        source.for_log if log else source,
        name,
        deadline=deadline,
        hashes=hashes,
        waiting_seconds=waiting_seconds,
    ) as database:
        yield database


@contextlib.contextmanager
def connect_reader(source: Source, name: str, *, deadline: float) -> Iterator[Database]:
    """Connects to the replica that rows of a source are read from.

    Raises:
        ExtractError: credentials_..., source_...
    """
    with _login(source.replica, name, deadline=deadline, hashes=False) as database:
        yield database


@contextlib.contextmanager
def _login(
    source: Source,
    name: str,
    *,
    deadline: float,
    hashes: bool,
    waiting_seconds: float = 0.0,
) -> Iterator[Database]:
    seconds = _left(deadline)
    until = time.monotonic() + waiting_seconds
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {
            "application_name": name,
            # Only a session that needs the key is given it.
            "hash_key": (
                secrets.hash_key(source, needed_seconds=seconds) if hashes else ""
            ),
        }

        def login_with(login: Credentials) -> Database:
            while True:
                left = _left(deadline)
                session = connected(source, login, budget_seconds=left, **options)
                try:
                    return stack.enter_context(session)
                except SourceError as error:
                    pause = random.uniform(*PAUSE_SECONDS)
                    over = time.monotonic() + pause > until
                    if error.code != "too_many_connections" or over:
                        raise
                time.sleep(pause)

        cached = secrets.is_cached(source)
        login = secrets.read(source, needed_seconds=seconds)
        try:
            database = login_with(login)
        except AuthenticationError:
            if not cached:
                raise
            # The password has probably been rotated since this container read it.
            secrets.forget(source)
            database = login_with(secrets.read(source, needed_seconds=seconds))
        yield database


def _left(deadline: float) -> float:
    """Returns the seconds that are left of a job.

    Raises:
        SourceError: window_too_large, if hardly any is.
    """
    seconds = deadline - time.monotonic()
    if seconds < SHORTEST_SECONDS:
        raise SourceError("window_too_large", OVER_BUDGET)
    return seconds
