"""Operation "plan": columns, safe bound and parts of a snapshot."""

from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.changes.settle import settle_log
from lambda_extract.contract import CursorSpec, CursorValue, Window
from lambda_extract.cursor.bound import settle
from lambda_extract.cursor.clock import check_clock
from lambda_extract.cursor.column import check_cursor
from lambda_extract.cursor.identity import read_identity, read_server
from lambda_extract.cursor.proof import wait_for_proof
from lambda_extract.cursor.window import not_indexed
from lambda_extract.rows.parts import (
    fits_one_part,
    plan_partitions,
    read_size,
    split_range,
    whole_table,
)
from lambda_extract.rows.wire import build_wire
from lambda_extract.source.catalog import (
    SourceTable,
    has_index,
    read_table,
)
from lambda_extract.source.database import Database
from lambda_extract.source.described import describe
from lambda_extract.source.replica import follow
from lambda_extract.source.snapshot import require_key, snapshot


def plan(
    database: Database,
    request: contract.PlanRequest,
    *,
    proof_wait_seconds: float = 0.0,
    part_seconds: float = 240.0,
) -> contract.PlanReply:
    """Plans a snapshot: columns, safe bound, parts.

    The bound is taken before any part is read, so the increments that follow miss
    nothing.

    Args:
        part_seconds: A worker has so long for one part.

    Raises:
        ExtractError: See errors.CODES.
    """
    table = read_table(database, request.table)
    (planned_at,) = database.row(sql.SQL("SELECT statement_timestamp()::text"))
    bound = None
    warnings: tuple[contract.Warning, ...] = ()
    server = read_server(database.writer)
    cursor = None
    log = None
    if request.log is not None:
        log = settle_log(
            database, require_key(table), request.log, seconds=proof_wait_seconds
        )
    if request.cursor is not None:
        keyed = require_key(table)
        cursor = check_cursor(database, keyed, request.cursor)
        bound, warnings = _snapshot_bound(
            database, keyed, request.cursor, proof_wait_seconds
        )
    with snapshot(database, table):
        identity = read_identity(database, table, cursor, server)
        size = read_size(database, table)
        described = describe(database, table)
        if request.one_moment and fits_one_part(size, part_seconds):
            partitions: tuple[contract.Partition, ...] = (whole_table(size),)
        elif request.partition is None:
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
        estimated_rows=size.meant,
        estimated_bytes=size.bytes,
        bound=bound,
        warnings=warnings,
        relation_id=table.oid,
        identity=identity,
        key_enforced=described.key_enforced,
        log=log,
        described=described,
    )


def _snapshot_bound(
    database: Database, table: SourceTable, spec: CursorSpec, wait_seconds: float
) -> tuple[contract.Bound, tuple[contract.Warning, ...]]:
    cursor = check_cursor(database, table, spec)
    proof, pending = wait_for_proof(
        database.writer, table, cursor, seconds=wait_seconds
    )
    follow(database)
    with snapshot(database, table):
        (text,) = database.row(
            sql.SQL("SELECT pg_catalog.max({})::{}::text FROM {}").format(
                cursor.value, sql.SQL(cursor.family), table.name
            )
        )
        position = None if text is None else CursorValue(text, cursor.family)
        bound = settle(
            database,
            cursor=cursor,
            proof=proof,
            window=Window(pending_bound=pending),
            position=position,
        )
        warnings = check_clock(database, table, cursor, text)
        if not has_index(database, table, (spec.column,)):
            warnings += (not_indexed(table, cursor),)
        return bound, warnings
