"""The path of one extraction, from the proof to the manifest."""

import time

from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.changes.reread import extract_changes
from lambda_extract.contract import (
    CursorSpec,
    CursorValue,
    ExtractReply,
    ExtractRequest,
    KeysRequest,
    Partition,
    Warning,
    Window,
)
from lambda_extract.cursor.bound import settle, with_overlap
from lambda_extract.cursor.column import check_cursor
from lambda_extract.cursor.identity import find_change, read_identity, read_server
from lambda_extract.cursor.proof import read_proof
from lambda_extract.cursor.window import (
    delivered_overlap,
    is_unchanged,
    largest,
    last_position,
    resolve_window,
    starts_series,
)
from lambda_extract.errors import RequestError
from lambda_extract.landing.stores import Store
from lambda_extract.log import seconds_since
from lambda_extract.rows.canonical import only_keys
from lambda_extract.rows.copy import CopyTarget, copy_target, copy_to_landing
from lambda_extract.rows.duplicates import count_shared
from lambda_extract.rows.query import partition_condition
from lambda_extract.rows.wire import build_wire
from lambda_extract.source import trust
from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import Database
from lambda_extract.source.described import describe
from lambda_extract.source.durable import make_durable
from lambda_extract.source.replica import follow
from lambda_extract.source.snapshot import keys_of, require_key, snapshot


def extract_window(
    database: Database,
    request: ExtractRequest,
    target: CopyTarget,
    *,
    spec: CursorSpec,
    window: Window,
) -> ExtractReply:
    """Extracts one window of an increment.

    Raises:
        ExtractError: See errors.CODES.
    """
    started = time.monotonic()
    table = require_key(read_table(database, request.table, owners_later=True))
    cursor = check_cursor(database, table, spec)
    if cursor.counts:
        # The proof asks the relation for its largest cursor.
        trust.check_owners(database, table.oid)
    # Before the snapshot, or the proof proves nothing; see bound.py.
    proof = read_proof(database.writer, table, cursor, window.pending_bound)
    server = read_server(database.writer)
    follow(database)
    with snapshot(database, table):
        identity = read_identity(database, table, cursor, server)
        described = describe(database, table)
        changed = ""
        signs: tuple[Warning, ...] = ()
        if window.identity is not None:
            changed, signs = find_change(
                database,
                table,
                cursor,
                known=window.identity,
                now=identity,
                watermark=window.lower if window.first else None,
            )
        wire = build_wire(table, careful=target.careful)
        resolved = resolve_window(
            database, table, cursor, window=window, limits=request.limits
        )
        unchanged = is_unchanged(database, table, cursor, window=window, wire=wire)
        text = last_position(database, table, resolved)
        position = None if text is None else CursorValue(text, cursor.family)
        bound = settle(
            database, cursor=cursor, proof=proof, window=window, position=position
        )
        skip = unchanged or bool(changed)
        copied = copy_to_landing(
            database, table, wire, resolved.range.condition(), target, skip=skip
        )
        if resolved.upper is None:
            overlap = window.overlap
            if not unchanged or bound.watermark != window.lower:
                overlap = delivered_overlap(
                    database,
                    table,
                    cursor,
                    watermark=bound.watermark,
                    window=window,
                    wire=wire,
                )
            bound = with_overlap(bound, overlap)
        shared = 0
        if copied.rows:
            shared = count_shared(database, table, resolved.range.condition())
        end = (
            largest(database, table, cursor)
            if starts_series(resolved, window)
            else None
        )
    durable = make_durable(database) if copied.rows else ()
    return ExtractReply(
        run_id=request.run_id,
        part=request.part,
        extracted_at=proof.taken_at,
        columns=wire.columns,
        key=table.key,
        files=copied.files,
        rows=copied.rows,
        bytes=copied.bytes,
        bound=bound,
        position=position,
        complete=resolved.upper is None,
        unchanged=unchanged,
        null_cursor_rows=resolved.null_rows,
        altered=copied.altered,
        warnings=resolved.warnings + signs + durable,
        seconds=seconds_since(started),
        relation_id=table.oid,
        end=end,
        identity=identity,
        source_changed=changed,
        shared_keys=shared,
        described=described,
    )


def extract_partition(
    database: Database,
    request: ExtractRequest | KeysRequest,
    target: CopyTarget,
    *,
    partition: Partition,
) -> ExtractReply:
    """Extracts one part of a snapshot, or its key columns alone.

    Raises:
        ExtractError: See errors.CODES.
    """
    started = time.monotonic()
    table = read_table(database, request.table)
    (extracted_at,) = database.row(sql.SQL("SELECT statement_timestamp()::text"))
    only_key = isinstance(request, KeysRequest)
    with snapshot(database, table):
        described = None if only_key else describe(database, table)
        chosen = keys_of(table) if only_key else table
        wire = build_wire(chosen, careful=target.careful)
        condition = partition_condition(table, partition)
        if isinstance(request, ExtractRequest) and request.key_hashes:
            condition = only_keys(table, condition, request.key_hashes)
        copied = copy_to_landing(database, table, wire, condition, target)
        shared = 0
        # The parts of a snapshot are counted together, when they are loaded.
        by_key = not partition.greatest and partition.columns in ((), table.key)
        if copied.rows and not only_key and not by_key:
            shared = count_shared(database, table, condition)
    # Without rows, too: what is missing from a part is gone from the target.
    durable = make_durable(database)
    return ExtractReply(
        op=request.op,
        run_id=request.run_id,
        part=request.part,
        extracted_at=extracted_at,
        columns=wire.columns,
        key=table.key,
        files=copied.files,
        rows=copied.rows,
        bytes=copied.bytes,
        altered=copied.altered,
        warnings=durable,
        seconds=seconds_since(started),
        relation_id=table.oid,
        shared_keys=shared,
        described=described,
    )


def extract(
    database: Database,
    request: contract.ExtractRequest | contract.KeysRequest,
    store: Store,
    *,
    careful: bool = False,
    job: str = "",
) -> contract.ExtractReply:
    """Extracts a window, a part or a part's keys into any store (see extract.py).

    Raises:
        WatchedTextSeen: Call again with `careful`, on a new connection.
        ExtractError: See errors.CODES.
    """
    target = copy_target(store, request, careful=careful, job=job)
    if isinstance(request, contract.KeysRequest):
        return extract_partition(database, request, target, partition=request.partition)
    if request.partition is not None:
        return extract_partition(database, request, target, partition=request.partition)
    if request.changes is not None:
        return extract_changes(database, request, target, request.changes)
    if request.cursor is None or request.window is None:
        raise RequestError("bad_request", "/: neither a window nor a partition.")
    return extract_window(
        database, request, target, spec=request.cursor, window=request.window
    )
