"""BACKFILL_TABLE: reads a range of cursor values again; the watermark stays."""

import time
from typing import Any

from lambda_extract.contract import ExtractReply, ExtractRequest, Partition
from snowpark import columns, extract, load, state, statements, sync, target
from snowpark.errors import SyncError, UsageError
from snowpark.model import Counts, Run, Seconds, TableState
from snowpark.warehouse import Warehouse

_LONGEST_VALUE = 1000


def backfill_table(
    warehouse: Warehouse, table_name: object, lower: object, upper: object
) -> dict[str, Any]:
    """Extracts the rows with lower <= cursor < upper again and merges them.

    For rows that the cursor does not show: changed without touching it, or restored
    with old values. Rows that are gone from the source stay.

    Args:
        lower: Value of the cursor's type as PostgreSQL reads it; None: no bound.
        upper: The same; None: no bound.

    Raises:
        SyncError: With table, run, and what to do. The target is as it was.
    """
    run = sync.new_run(sync.canonical_table(table_name))
    try:
        bounds = (_bound("from", lower), _bound("to", upper))
        if bounds == (None, None):
            raise UsageError(
                "invalid_argument",
                "A backfill without any bound is a reload.",
                hint="Pass from, to, or both; or CALL RESYNC_TABLE.",
            )
        found = state.take_lease(warehouse, run.table, run.id)
    except SyncError as error:
        raise error.about(run.table, run.id)
    return sync.run_owned(
        warehouse, found, run, lambda: _backfill(warehouse, found, run, bounds)
    )


def _bound(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_VALUE:
        raise UsageError(
            "invalid_argument",
            f'"{name}" is empty, too long or not a text.',
            hint="Pass a value of the cursor as text, such as '2026-01-31', or NULL.",
        )
    return value


def _backfill(
    warehouse: Warehouse,
    found: TableState,
    run: Run,
    bounds: tuple[str | None, str | None],
) -> None:
    settings = found.settings
    run.note(kind="backfill")
    if settings.cursor is None or found.ledger is None:
        raise UsageError(
            "nothing_to_backfill", "The table has no cursor, or was never loaded."
        )
    lower, upper = bounds
    request = ExtractRequest(
        run_id=run.id,
        table=settings.table_spec,
        part="backfill",
        limits=settings.limits,
        partition=Partition(
            part="backfill",
            columns=(settings.cursor,),
            lower=None if lower is None else (lower,),
            upper=None if upper is None else (upper,),
        ),
    )
    started = time.monotonic()
    reply = extract.ask(warehouse, request, ExtractReply)
    run.note(
        windows=1,
        rows=reply.rows,
        files=len(reply.files),
        bytes=reply.bytes,
        seconds=Seconds(extract=time.monotonic() - started),
        warnings=tuple((w.code, w.message, w.hint) for w in reply.warnings),
    )
    if not reply.files:
        state.record_run(warehouse, run, "unchanged")
        return
    _load(warehouse, found, run, reply)


def _load(
    warehouse: Warehouse, found: TableState, run: Run, reply: ExtractReply
) -> None:
    settings = found.settings
    load.check_key(reply.key, reply.columns)
    digest = columns.digest(reply.columns, reply.key, reply.relation_id, settings)
    if found.ledger is None or digest != found.ledger.columns_sha256:
        raise UsageError(
            "columns_changed",
            "The source's columns have changed since the last sync.",
            hint="CALL SYNC_TABLE, which follows them, then call again.",
        )
    started = time.monotonic()
    job = load.Job(settings, run.id, purpose="BACKFILL")
    aligned = target.plan(warehouse, job.target, target.source_of(reply), found.shape)
    load.stage(warehouse, job, aligned.columns, reply.files)
    rows = load.batch(job, aligned, reply.key, reply.extracted_at)
    staged = time.monotonic()

    def record(counts: Counts) -> None:
        if reply.altered:
            warehouse.run(
                statements.insert_altered_values(settings.name, run.id, reply.altered)
            )
        run.note(
            counts=counts,
            seconds=Seconds(
                extract=run.tally.seconds.extract,
                load=staged - started,
                merge=time.monotonic() - staged,
            ),
        )
        state.record_run(warehouse, run, "succeeded")

    load.commit_rows(
        warehouse, job, None, lambda: load.merge_rows(warehouse, rows), record
    )
    load.drop_staging(warehouse, job)
