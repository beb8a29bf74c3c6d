"""One COPY from a table into landing files."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import (
    AlteredValue,
    ExtractRequest,
    File,
    KeysRequest,
    place_of,
)
from lambda_extract.contract_paths import COMPONENT, Place
from lambda_extract.errors import RequestError, SourceError, WatchedTextSeen
from lambda_extract.landing.files import Landing
from lambda_extract.landing.stores import Store
from lambda_extract.rows.failing import name_column
from lambda_extract.rows.query import copy_rows
from lambda_extract.rows.wire import Wire, read_altered
from lambda_extract.source.catalog import SourceTable
from lambda_extract.source.database import Database


@dataclass(frozen=True)
class CopyTarget:
    """Where an extraction's files go.

    Attributes:
        place: Its files' prefix, but for the number of columns; new for every attempt.
        careful: See wire.build_wire.
    """

    store: Store
    place: Place
    file_bytes: int
    careful: bool = False


@dataclass(frozen=True)
class Copied:
    """What a COPY wrote."""

    files: tuple[File, ...]
    rows: int
    bytes: int
    altered: tuple[AlteredValue, ...]


NOTHING = Copied((), 0, 0, ())


def copy_target(
    store: Store,
    request: ExtractRequest | KeysRequest,
    *,
    careful: bool = False,
    job: str = "",
) -> CopyTarget:
    """Returns the target of a request (see contract_paths).

    Args:
        job: Hex digits of the job that does it.

    Raises:
        RequestError: bad_request, if run id or part cannot be part of a path.
    """
    for name, value in (("run_id", request.run_id), ("part", request.part)):
        if not COMPONENT.fullmatch(value):
            raise RequestError(
                "bad_request", f"/{name}: may hold letters, digits, '_', '-' and '.'."
            )
    place = dataclasses.replace(place_of(request), job=job)
    return CopyTarget(store, place, request.limits.file_bytes, careful)


def copy_to_landing(
    database: Database,
    table: SourceTable,
    wire: Wire,
    condition: sql.Composable,
    target: CopyTarget,
    *,
    skip: bool = False,
) -> Copied:
    """Copies the rows that fulfil `condition`; nothing is left behind by a failure.

    Raises:
        SourceError: PostgreSQL failed, or values were refused.
        LandingError: S3 failed.
        WatchedTextSeen: The wire has to be built carefully, on a new connection.
    """
    if skip:
        return NOTHING
    statement = copy_rows(table, wire, condition)
    try:
        return copy_statements(database, table, wire, [statement], target)
    except SourceError as error:
        raise name_column(database, table, wire, condition, error) from error


def copy_statements(
    database: Database,
    table: SourceTable,
    wire: Wire,
    statements: Iterable[sql.Composable],
    target: CopyTarget,
) -> Copied:
    """Copies the rows of several COPYs of one snapshot, as `copy_to_landing` does."""
    landing = Landing(
        target.store,
        prefix=target.place.prefix(len(wire.columns)),
        file_bytes=target.file_bytes,
        watch_for=wire.watch_for,
    )
    try:
        rows = sum(_copied(database, s, landing, target) for s in statements)
        altered = read_altered(database, table, wire)
        files = landing.finish(rows)
        if bool(rows) != bool(files) or any(file.rows < 1 for file in files):
            raise SourceError(
                "source_error",
                f"PostgreSQL counted {rows} rows of table {table.spec.name!r}, another"
                " number arrived.",
            )
    except BaseException:
        # Whatever it was (a time-out's signal too): an unfinished upload costs money.
        landing.abort()
        raise
    return Copied(files, rows, sum(file.bytes for file in files), altered)


def _copied(
    database: Database, statement: sql.Composable, landing: Landing, target: CopyTarget
) -> int:
    try:
        return database.copy(statement, landing)
    except SourceError as error:
        if error.code == "value_refused" and not target.careful:
            # The careful wire looks before it sends, and can name the key.
            raise WatchedTextSeen from error
        raise
