"""Runs one request: credentials, connection, and the operation it names."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from psycopg2 import sql

from lambda_extract import contract, log, secrets
from lambda_extract.bounds import check_cursor, settle, wait_for_proof
from lambda_extract.catalog import SourceTable, read_table
from lambda_extract.contract import CursorSpec, CursorValue, Window
from lambda_extract.copying import copy_target, seconds_since
from lambda_extract.digest import digest
from lambda_extract.errors import AuthenticationError, RequestError
from lambda_extract.extract import extract_partition, extract_window
from lambda_extract.jobs import landing_error
from lambda_extract.landing import S3Store, Store, WatchedTextSeen
from lambda_extract.partitions import plan_partitions, read_size, split_range
from lambda_extract.postgres import Database, application_name, connected
from lambda_extract.settings import Settings
from lambda_extract.snapshot import require_key, snapshot
from lambda_extract.wire import build_wire

TableRequest = (
    contract.ExtractRequest
    | contract.KeysRequest
    | contract.PlanRequest
    | contract.DigestRequest
)


def run_operation(
    request: contract.Request, *, settings: Settings, s3: Any
) -> contract.Reply:
    """Runs a request and returns its reply.

    Raises:
        ExtractError: See errors.CODES.
    """
    if isinstance(request, contract.HealthRequest):
        return _health(request, settings=settings, s3=s3)
    if isinstance(request, contract.PlanRequest):
        with open_source(request, settings) as database:
            return plan(
                database, request, proof_wait_seconds=settings.proof_wait_seconds
            )
    if isinstance(request, contract.DigestRequest):
        with open_source(request, settings) as database:
            return digest(database, request)
    store = S3Store(s3, bucket=settings.landing_bucket, prefix=settings.landing_prefix)
    try:
        with open_source(request, settings) as database:
            return extract(database, request, store)
    except WatchedTextSeen:
        # Once more from the start, with a proof and a snapshot of its own.
        log.emit("extract_carefully", run_id=request.run_id, table=request.table.name)
        with open_source(request, settings) as database:
            return extract(database, request, store, careful=True)


def extract(
    database: Database,
    request: contract.ExtractRequest | contract.KeysRequest,
    store: Store,
    *,
    careful: bool = False,
) -> contract.ExtractReply:
    """Extracts a window, a part or a part's keys into any store (see extract.py).

    Raises:
        WatchedTextSeen: Call again with `careful`, on a new connection.
        ExtractError: See errors.CODES.
    """
    target = copy_target(store, request, careful=careful)
    if isinstance(request, contract.KeysRequest):
        return extract_partition(database, request, target, partition=request.partition)
    if request.partition is not None:
        return extract_partition(database, request, target, partition=request.partition)
    if request.cursor is None or request.window is None:
        raise RequestError("bad_request", "/: neither a window nor a partition.")
    return extract_window(
        database, request, target, spec=request.cursor, window=request.window
    )


def plan(
    database: Database,
    request: contract.PlanRequest,
    *,
    proof_wait_seconds: float = 0.0,
) -> contract.PlanReply:
    """Plans a snapshot: columns, safe bound, parts.

    The bound is taken before any part is read, so the increments that follow miss
    nothing.

    Raises:
        ExtractError: See errors.CODES.
    """
    table = read_table(database, request.table)
    (planned_at,) = database.row(sql.SQL("SELECT statement_timestamp()::text"))
    bound = None
    if request.cursor is not None:
        keyed = require_key(table)
        bound = _snapshot_bound(database, keyed, request.cursor, proof_wait_seconds)
    with snapshot(database, table):
        size = read_size(database, table)
        if request.partition is None:
            partitions = plan_partitions(database, table, size, request.limits)
        else:
            whole, limits = request.partition, request.limits
            partitions = split_range(database, table, size, limits, whole)
    return contract.PlanReply(
        run_id=request.run_id,
        planned_at=planned_at,
        columns=build_wire(table).columns,
        key=table.key,
        partitions=partitions,
        estimated_rows=size.rows,
        estimated_bytes=size.bytes,
        bound=bound,
        relation_id=table.oid,
    )


def _snapshot_bound(
    database: Database, table: SourceTable, spec: CursorSpec, wait_seconds: float
) -> contract.Bound:
    cursor = check_cursor(database, table, spec)
    proof, pending = wait_for_proof(database, table, cursor, seconds=wait_seconds)
    with snapshot(database, table):
        (text,) = database.row(
            sql.SQL("SELECT pg_catalog.max({})::{}::text FROM {}").format(
                cursor.name, sql.SQL(cursor.family), table.name
            )
        )
        position = None if text is None else CursorValue(text, cursor.family)
        return settle(
            database,
            cursor=cursor,
            proof=proof,
            window=Window(pending_bound=pending),
            position=position,
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
    with _connect(request.table.source, name, settings, hashes=hashes) as database:
        yield database


@contextlib.contextmanager
def _connect(
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


def _health(
    request: contract.HealthRequest, *, settings: Settings, s3: Any
) -> contract.HealthReply:
    started = time.monotonic()
    secrets.forget(settings.source(request.source))
    secrets.read(settings.source(request.source))
    credentials_seconds = seconds_since(started)
    started = time.monotonic()
    name = application_name("health", request.run_id)
    with _connect(request.source, name, settings) as database:
        (version,) = database.row(sql.SQL("SHOW server_version"))
    postgres_seconds = seconds_since(started)
    started = time.monotonic()
    _try_landing(settings, s3)
    return contract.HealthReply(
        run_id=request.run_id,
        server_version=version,
        credentials_seconds=credentials_seconds,
        postgres_seconds=postgres_seconds,
        landing_seconds=seconds_since(started),
    )


def _try_landing(settings: Settings, s3: Any) -> None:
    target = {
        "Bucket": settings.landing_bucket,
        "Key": f"{settings.landing_prefix}health/probe",
    }
    try:
        s3.put_object(**target, Body=b"ok")
        s3.get_object(**target)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise landing_error(error, "writing and reading a probe") from error
