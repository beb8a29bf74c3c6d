"""Increments: window after window, each committed on its own."""

import dataclasses
import time

from lambda_extract.contract import ExtractReply
from snowpark import columns, extract, load, plan, state
from snowpark.errors import ExtractError
from snowpark.model import Commit, Counts, Ledger, Run, TableState
from snowpark.plan import Progress
from snowpark.warehouse import Warehouse


def run_increment(warehouse: Warehouse, found: TableState, run: Run) -> None:
    """Reads and commits windows until nothing is left.

    Raises:
        SyncError: Windows that were committed stay; the next run goes on behind them.
    """
    job = load.Job(found.settings, run.id)
    progress = plan.start(found)
    ledger = found.ledger
    staged = False
    while ledger is not None:
        reply, progress = _extract_window(warehouse, found, run, progress)
        if reply.files:
            staged = True
            ledger = _load_window(warehouse, job, run, ledger, reply, progress)
        else:
            ledger = _note_nothing_new(warehouse, job, run, ledger, reply, progress)
        if reply.complete:
            break
    if staged:
        load.drop_staging(warehouse, job)


def _extract_window(
    warehouse: Warehouse, found: TableState, run: Run, progress: Progress
) -> tuple[ExtractReply, Progress]:
    """Asks for the next window; one that does not fit into its time is halved."""
    started = time.monotonic()
    while True:
        request = plan.next_window(found.settings, progress, run.id)
        try:
            reply = extract.ask(warehouse, request, ExtractReply)
            break
        except ExtractError as error:
            smaller = plan.halved(progress)
            if error.code != "window_too_large" or smaller is None:
                raise
            progress = smaller
    progress = plan.advanced(progress, reply)
    tally = run.tally
    watermark = progress.bound.watermark
    run.note(
        windows=tally.windows + 1,
        rows=tally.rows + reply.rows,
        files=tally.files + len(reply.files),
        bytes=tally.bytes + reply.bytes,
        seconds=dataclasses.replace(
            tally.seconds, extract=tally.seconds.extract + time.monotonic() - started
        ),
        watermark=watermark.value if watermark else None,
        oldest_transaction=progress.bound.oldest_transaction,
        null_cursor_rows=max(tally.null_cursor_rows, reply.null_cursor_rows),
        warnings=tally.warnings
        + tuple((w.code, w.message, w.hint) for w in reply.warnings),
    )
    return reply, progress


def _load_window(
    warehouse: Warehouse,
    job: load.Job,
    run: Run,
    ledger: Ledger,
    reply: ExtractReply,
    progress: Progress,
) -> Ledger:
    """Stages, merges and commits one window; returns the new ledger row."""
    load.check_key(reply.key, reply.columns)
    started = time.monotonic()
    loaded = columns.load_columns(reply.columns)
    load.stage(warehouse, job, loaded, reply.files)
    digest = columns.digest(reply.columns, reply.key, job.settings)
    if digest != ledger.columns_sha256 or job.settings.schema_drift == "freeze":
        loaded = load.align_target(warehouse, job, loaded, first_load=False)
    rows = load.batch(job, loaded, reply.key, reply.extracted_at)
    staged = time.monotonic()
    commit = Commit(
        version=ledger.version + 1,
        kind="increment",
        bound=progress.bound,
        columns_sha256=digest,
        rows=reply.rows,
        altered=reply.altered,
    )

    def record(counts: Counts) -> None:
        _note_counts(run, counts, staged - started, time.monotonic() - staged)
        if not rows.removes:
            _warn_of_shared_keys(run, reply.rows - counts.inserted - counts.updated)
        if reply.complete:
            state.record_run(warehouse, run, "succeeded")

    load.commit_rows(
        warehouse,
        job,
        commit,
        lambda: load.merge_rows(warehouse, rows),
        record,
    )
    return _after(ledger, commit)


def _note_counts(run: Run, counts: Counts, load_s: float, merge_s: float) -> None:
    tally = run.tally
    run.note(
        counts=Counts(
            inserted=tally.counts.inserted + counts.inserted,
            updated=tally.counts.updated + counts.updated,
            deleted=tally.counts.deleted + counts.deleted,
        ),
        seconds=dataclasses.replace(
            tally.seconds,
            load=tally.seconds.load + load_s,
            merge=tally.seconds.merge + merge_s,
        ),
    )


def _warn_of_shared_keys(run: Run, sharing: int) -> None:
    if sharing > 0:
        warning = (
            "duplicate_keys",
            f"{sharing} rows share their key with another row of the same window;"
            " the newest of each was kept.",
            'Configure a "key" that is unique.',
        )
        run.note(warnings=run.tally.warnings + (warning,))


def _note_nothing_new(
    warehouse: Warehouse,
    job: load.Job,
    run: Run,
    ledger: Ledger,
    reply: ExtractReply,
    progress: Progress,
) -> Ledger:
    """Moves the watermark where the proof allows it; no COPY, no MERGE, no transaction.

    Without rows the watermark row stands alone: it says that the rows up to it were
    delivered before, which is true whether or not the run row follows.
    """
    after = ledger
    bound = progress.bound
    known = (ledger.watermark, ledger.pending_bound, ledger.overlap)
    if (bound.watermark, bound.pending_bound, bound.overlap) != known:
        commit = Commit(
            version=ledger.version + 1,
            kind="increment",
            bound=bound,
            columns_sha256=ledger.columns_sha256,
            rows=0,
        )
        state.record_commit(warehouse, job.settings, job.run_id, commit)
        after = _after(ledger, commit)
    if reply.complete:
        changed = run.tally.rows > 0
        state.record_run(warehouse, run, "succeeded" if changed else "unchanged")
    return after


def _after(ledger: Ledger, commit: Commit) -> Ledger:
    bound = commit.bound
    return dataclasses.replace(
        ledger,
        version=commit.version,
        watermark=bound.watermark if bound else None,
        pending_bound=bound.pending_bound if bound else None,
        overlap=bound.overlap if bound else None,
        columns_sha256=commit.columns_sha256,
    )
