"""The path of one extraction, from the proof to the manifest."""

import time

from psycopg2 import sql

from lambda_extract.bounds import check_cursor, read_proof, settle, with_overlap
from lambda_extract.catalog import read_table
from lambda_extract.contract import CursorSpec, CursorValue, ExtractReply
from lambda_extract.contract import ExtractRequest, KeysRequest, Partition, Window
from lambda_extract.canonical import only_keys
from lambda_extract.copying import CopyTarget, copy_to_landing, seconds_since
from lambda_extract.postgres import Database
from lambda_extract.query import partition_condition
from lambda_extract.snapshot import keys_of, require_key, snapshot
from lambda_extract.windows import (
    is_unchanged,
    last_position,
    plan_window,
    read_overlap,
)
from lambda_extract.wire import build_wire


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
    table = require_key(read_table(database, request.table))
    cursor = check_cursor(database, table, spec)
    # Before the snapshot, or the proof proves nothing; see bounds.py.
    proof = read_proof(database, table, cursor, window.pending_bound)
    with snapshot(database, table):
        wire = build_wire(table, careful=target.careful)
        plan = plan_window(
            database, table, cursor, window=window, limits=request.limits
        )
        unchanged = is_unchanged(database, table, cursor, window=window, wire=wire)
        text = last_position(database, table, plan)
        position = None if text is None else CursorValue(text, cursor.family)
        bound = settle(
            database, cursor=cursor, proof=proof, window=window, position=position
        )
        copied = copy_to_landing(
            database, table, wire, plan.range.condition(), target, skip=unchanged
        )
        if plan.upper is None and window.upper is None:
            overlap = read_overlap(
                database, table, cursor, watermark=bound.watermark, wire=wire
            )
            bound = with_overlap(bound, overlap)
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
        complete=plan.upper is None,
        unchanged=unchanged,
        null_cursor_rows=plan.null_rows,
        altered=copied.altered,
        warnings=plan.warnings,
        seconds=seconds_since(started),
        relation_id=table.oid,
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
        chosen = keys_of(table) if only_key else table
        wire = build_wire(chosen, careful=target.careful)
        condition = partition_condition(table, partition)
        if isinstance(request, ExtractRequest) and request.key_hashes:
            condition = only_keys(table, condition, request.key_hashes)
        copied = copy_to_landing(database, table, wire, condition, target)
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
        seconds=seconds_since(started),
        relation_id=table.oid,
    )
