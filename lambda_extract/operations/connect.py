"""The login to the source that a request names."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.errors import AuthenticationError, SourceError
from lambda_extract.settings import Settings
from lambda_extract.source.database import (
    OVER_BUDGET,
    Database,
    application_name,
    connected,
)

# With less it is not worth while to connect.
SHORTEST_SECONDS = 0.1

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
) -> Iterator[Database]:
    """Connects to a request's source; a refused cached password is read again.

    Args:
        deadline: Of the whole job (time.monotonic()), however often it connects.

    Raises:
        ExtractError: unknown_source, table_not_allowed, credentials_..., source_...
    """
    table = request.table
    settings.source(table.source).check_allowed(table.schema, table.relation)
    name = application_name(request.table.name, request.run_id)
    hashes = any(column.protect == "hash" for column in request.table.columns)
    with connect(
        request.table.source, name, settings, deadline=deadline, hashes=hashes
    ) as database:
        yield database


@contextlib.contextmanager
def connect(
    source_name: str,
    name: str,
    settings: Settings,
    *,
    deadline: float,
    hashes: bool = False,
    log: bool = False,
) -> Iterator[Database]:
    """Connects to a source; see `open_source`.

    Args:
        hashes: The session needs the key that hashes columns.
        log: With the login that reads the log.
    """
    source = settings.source(source_name)
    if log:
        source = source.for_log
    seconds = _left(deadline)
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {
            "application_name": name,
            # Only a session that needs the key is given it.
            "hash_key": (
                secrets.hash_key(source, needed_seconds=seconds) if hashes else ""
            ),
        }
        cached = secrets.is_cached(source)
        login = secrets.read(source, needed_seconds=seconds)
        try:
            database = stack.enter_context(
                connected(source, login, budget_seconds=_left(deadline), **options)
            )
        except AuthenticationError:
            if not cached:
                raise
            # The password has probably been rotated since this container read it.
            secrets.forget(source)
            login = secrets.read(source, needed_seconds=seconds)
            database = stack.enter_context(
                connected(source, login, budget_seconds=_left(deadline), **options)
            )
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
