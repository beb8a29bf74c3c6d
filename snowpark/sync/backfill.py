"""BACKFILL_TABLE: reads a range of cursor values again; the watermark stays."""

import dataclasses
import itertools
import time
from typing import Any

from lambda_extract.contract import ExtractReply, Partition, PlanReply
from snowpark import arguments
from snowpark.columns import column as columns
from snowpark.errors import LambdaError, SyncError, UsageError
from snowpark.extraction import ask, progress, requests
from snowpark.ledger import read, write
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import TableState, at_version
from snowpark.ledger.run import Run, note_extract
from snowpark.load import merge, staging, target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from snowpark.sync import duplicates, lifecycle, transfer
from snowpark.sync.transfer import Transfer

_LONGEST_VALUE = 1000


def backfill_table(
    snowflake: Snowflake, table_name: object, lower: object, upper: object
) -> dict[str, Any]:
    """Extracts the rows with lower <= cursor < upper again and merges them.

    For rows that the cursor does not show: changed without touching it, or restored
    with old values. Rows that are gone from the source stay.

    Args:
        lower: Value of the cursor's type as PostgreSQL reads it; None: no bound.
        upper: The same; None: no bound.

    Raises:
        SyncError: With table, run, and what to do. Parts that were committed stay.
    """
    run = lifecycle.new_run(arguments.table_name(table_name))
    try:
        bounds = (_bound("from", lower), _bound("to", upper))
        if bounds == (None, None):
            raise UsageError(
                "invalid_argument",
                "A backfill without any bound is a reload.",
                hint="Pass from, to, or both; or CALL RESYNC_TABLE.",
            )
        found = read.take_lease(snowflake, run.table, run.id)
    except SyncError as error:
        raise error.about(run.table, run.id)
    return lifecycle.run_owned(
        snowflake, found, run, lambda: _backfill(snowflake, found, run, bounds)
    )


def _bound(name: str, value: object) -> str | None:
    return arguments.text_or_null(
        value,
        name,
        longest=_LONGEST_VALUE,
        hint="Pass a value of the cursor as text, such as '2026-01-31', or NULL.",
    )


def _backfill(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    bounds: tuple[str | None, str | None],
) -> None:
    """Reads and commits the range part by part, about `chunk_rows` rows each.

    A part stands on its own: rows that are read and merged twice are what they were.
    """
    # Not by a pipe, which would be waited for with each part.
    settings = dataclasses.replace(found.settings, load_method="copy")
    run.note(kind="backfill")
    if settings.cursor is None or found.ledger is None:
        raise UsageError(
            "nothing_to_backfill", "The table has no cursor, or was never loaded."
        )
    lower, upper = bounds
    left = _split(
        snowflake,
        run,
        settings,
        Partition(
            part="00000",
            columns=settings.cursors,
            greatest=bool(settings.cursor_also),
            lower=None if lower is None else (lower,),
            upper=None if upper is None else (upper,),
        ),
    )
    attempts = itertools.count()
    while left:
        part, left = left[0], left[1:]
        # Each attempt has an S3 prefix of its own.
        request = requests.part_request(settings, part, run.id, f"b{next(attempts)}")
        started = time.monotonic()
        try:
            reply = ask.ask(snowflake, request, ExtractReply)
        except LambdaError as error:
            smaller = settings.chunk_rows // 2
            if error.code != "window_too_large" or smaller < progress.SMALLEST_WINDOW:
                raise
            settings = dataclasses.replace(settings, chunk_rows=smaller)
            left = _split(snowflake, run, settings, part) + left
            continue
        _note_part(run, reply, time.monotonic() - started)
        if reply.files:
            found = _load(snowflake, found, run, reply, last=not left)
        elif not left:
            changed = run.tally.files > 0
            write.record_run(snowflake, run, "succeeded" if changed else "unchanged")
    if run.staged:
        transfer.drop_staging(snowflake, run, Job(found.settings, run.id, run.purpose))


def _split(
    snowflake: Snowflake, run: Run, settings: TableSettings, whole: Partition
) -> tuple[Partition, ...]:
    request = requests.range_request(settings, whole, run.id)
    parts = ask.ask(snowflake, request, PlanReply).partitions
    if not parts:
        raise SyncError("reply_invalid", "The plan has no parts.")
    return parts


def _note_part(run: Run, reply: ExtractReply, seconds: float) -> None:
    tally = run.tally
    run.note(
        windows=tally.windows + 1,
        rows=tally.rows + reply.rows,
        files=tally.files + len(reply.files),
        bytes=tally.bytes + reply.bytes,
        warnings=tally.warnings
        + tuple((w.code, w.message, w.hint) for w in reply.warnings),
    )
    note_extract(run, seconds)


def _load(
    snowflake: Snowflake, found: TableState, run: Run, reply: ExtractReply, last: bool
) -> TableState:
    """Returns the state of the table after the commit."""
    settings = found.settings
    staging.check_key(reply.key, reply.columns)
    duplicates.check(run, settings, reply.shared_keys)
    digest = columns.digest(
        reply.columns, reply.key, reply.relation_id, settings, reply.described
    )
    if found.ledger is None or digest != found.ledger.columns_sha256:
        raise UsageError(
            "columns_changed",
            "The source's columns have changed since the last sync.",
            hint="CALL SYNC_TABLE, which follows them, then call again.",
        )
    job = Job(settings, run.id, run.purpose)
    aligned = target.find_alignment(
        snowflake, job.target, target.source_of(reply), found.shape
    )
    transfer.stage(snowflake, run, job, aligned.columns, reply.files)
    altered = tuple(
        ledger_statements.insert_altered_values(settings.name, run.id, reply.altered)
    )
    done = transfer.commit(
        snowflake,
        run,
        Transfer(
            job=job,
            aligned=aligned,
            key=reply.key,
            extracted_at=reply.extracted_at,
            write=merge.merge_rows,
            based_on=found.version,
            merged_rows=None if reply.shared_keys else reply.rows,
            appended=altered,
            last=last,
        ),
    )
    return at_version(found, done.version(found.version))
