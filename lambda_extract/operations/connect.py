"""The login to the source that a request names."""

import contextlib
from collections.abc import Iterator
from typing import Any

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.errors import AuthenticationError
from lambda_extract.settings import Settings
from lambda_extract.source.database import Database, application_name, connected

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
) -> Iterator[Database]:
    """Connects to a request's source; a refused cached password is read once more.

    Raises:
        ExtractError: unknown_source, table_not_allowed, credentials_..., source_...
    """
    table = request.table
    settings.source(table.source).check_allowed(table.schema, table.relation)
    name = application_name(request.table.name, request.run_id)
    hashes = any(column.protect == "hash" for column in request.table.columns)
    with connect(request.table.source, name, settings, hashes=hashes) as database:
        yield database


@contextlib.contextmanager
def connect(
    source_name: str, name: str, settings: Settings, *, hashes: bool = False
) -> Iterator[Database]:
    source = settings.source(source_name)
    seconds = settings.budget_seconds
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {
            "application_name": name,
            "budget_seconds": seconds,
            # Only a session that needs the key is given it.
            "hash_key": (
                secrets.hash_key(source, needed_seconds=seconds) if hashes else ""
            ),
        }
        cached = secrets.is_cached(source)
        login = secrets.read(source, needed_seconds=seconds)
        try:
            database = stack.enter_context(connected(source, login, **options))
        except AuthenticationError:
            if not cached:
                raise
            # The password has probably been rotated since this container read it.
            secrets.forget(source)
            login = secrets.read(source, needed_seconds=seconds)
            database = stack.enter_context(connected(source, login, **options))
        yield database
