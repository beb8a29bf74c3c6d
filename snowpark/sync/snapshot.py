"""Snapshots: plan, extract parts in parallel, load all, replace the target at once.

Every finished part is recorded, so that a run after a failure reads only what is left.
"""

import dataclasses
import time
from collections.abc import Sequence
from functools import partial

from lambda_extract.contract import (
    AlteredValue,
    Bound,
    CursorValue,
    ErrorReply,
    ExtractReply,
    Partition,
    PlanReply,
    encode,
)
from snowpark import redact
from snowpark.captures import capture
from snowpark.captures.records import Link
from snowpark.columns import column as columns
from snowpark.columns.shape import Change
from snowpark.errors import LambdaError, LoadError, SnowflakeError, UsageError
from snowpark.extraction import ask, progress
from snowpark.extraction import requests as extraction_requests
from snowpark.ledger import lease
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import Commit, TableState
from snowpark.ledger.run import Run, note_extract
from snowpark.load import merge, target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from snowpark.sync import duplicates, shrinking, statements, transfer
from snowpark.sync.parts import Snapshot, open_snapshot, record_part, whole
from snowpark.sync.transfer import Transfer, Write

_ATTEMPTS = 2
# The type of a watermark that is a position of the log.
LOG_POSITION = "pg_lsn"
# The files are as good as they were; a pipe may still load them.
_FILES_PENDING = ("pipe_stopped", "pipe_timeout")
# A source whose columns change more often than this while it is read is left alone.
_PLANS = 3


def run_snapshot(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    *,
    rebuild: bool = False,
    confirmed: bool = False,
    changes: tuple[Change, ...] = (),
) -> bool:
    """Reads the whole table and replaces the target in one transaction.

    The watermark is the safe bound that was taken before the first part was read: rows
    that change while the parts are read come again with the next increment.

    Args:
        rebuild: A person asked for it, so that columns may get other types.
        confirmed: A person said that the rows that are gone are rightly gone.
        changes: Recorded with it: why it was needed, if not for the columns.

    Returns:
        True if all rows are of one moment of this call: one part, read just now.

    Raises:
        SyncError: The target is as it was; finished parts are kept for the next call,
            unless Snowflake refused their rows.
    """
    settings = found.settings
    run.note(kind="snapshot")
    job = Job(settings, run.id, run.purpose, reload=True, rebuild=rebuild)
    started = time.monotonic()
    snapshot = _extracted(snowflake, found, run)
    note_extract(run, time.monotonic() - started)
    _note_extraction(run, snapshot)
    if settings.mode == "full" and len(snapshot.plan.partitions) > 1:
        _warn_of_moments(run, len(snapshot.plan.partitions))
    write: Write = merge.overwrite_rows
    if _may_lose_rows(settings, changes) and found.ledger is not None:
        most = 100.0 if confirmed else settings.max_delete_percent
        write = partial(shrinking.overwrite_rows, most)
    try:
        _load(snowflake, job, found, run, snapshot, write, changes)
    except shrinking.TooManyDeletes:
        # The next call looks at the source again.
        record_part(snowflake, settings, run, snapshot, "#closed")
        raise
    except (LoadError, SnowflakeError) as error:
        if _refuses_rows(error):
            # The next call must not go on with these files.
            record_part(snowflake, settings, run, snapshot, "#closed")
        raise
    transfer.drop_staging(snowflake, run, job, snapshot.files)
    return len(snapshot.done) == 1 and snapshot.planned_by(run)


def _may_lose_rows(settings: TableSettings, changes: tuple[Change, ...]) -> bool:
    """Returns whether a reload asks the breaker: nobody has called for it.

    A reload because the source went back in time is no way round it, nor is one because
    the log of the source began anew, perhaps of another server.
    """
    if settings.mode == "log":
        return settings.deletes != "none" and settings.max_delete_percent < 100
    return settings.mode == "full" or bool(
        changes and settings.deletes == "key_compare"
    )


def _refuses_rows(error: LoadError | SnowflakeError) -> bool:
    """True if the same files would fail again."""
    if error.code in _FILES_PENDING:
        return False
    cause = error if isinstance(error, SnowflakeError) else error.__cause__
    # Without a cause the rows were loaded and are not those of the manifest.
    return not isinstance(cause, SnowflakeError) or redact.is_about_rows(cause.number)


def _extracted(snowflake: Snowflake, found: TableState, run: Run) -> Snapshot:
    """Returns a snapshot with all parts extracted.

    Parts that are too large are halved; if the source's columns change between two
    parts, the snapshot starts over. In full mode nothing follows that would bring parts
    of several moments together (C9): there the table is one part, read in one snapshot,
    unless that takes longer than a worker has.

    Raises:
        LambdaError: A part was refused, or "parts_missing".
    """
    settings = found.settings
    one_moment = settings.mode == "full"
    plans = 0
    while True:
        plans += 1
        snapshot = open_snapshot(snowflake, found) or _planned(
            snowflake, found, settings, run, one_moment=one_moment
        )
        try:
            return whole(_extract_parts(snowflake, settings, run, snapshot))
        except LambdaError as error:
            if error.code == "columns_changed":
                record_part(snowflake, settings, run, snapshot, "#closed")
                if plans < _PLANS:
                    continue
            if error.code != "window_too_large":
                raise
            if not one_moment and not _can_be_smaller(snapshot.plan, settings):
                raise
            record_part(snowflake, settings, run, snapshot, "#closed")
            if not one_moment:
                half = settings.chunk_rows // 2
                settings = dataclasses.replace(settings, chunk_rows=half)
            one_moment = False


def _can_be_smaller(plan: PlanReply, settings: TableSettings) -> bool:
    """Returns whether parts of half the rows would be other parts.

    A relation that cannot be split (a view, no key, no index) stays one part.
    """
    alone = len(plan.partitions) == 1 and not plan.partitions[0].columns
    expected = 0 <= plan.estimated_rows <= settings.chunk_rows
    if alone and not expected:
        return False
    return settings.chunk_rows // 2 >= progress.SMALLEST_WINDOW


def _planned(
    snowflake: Snowflake,
    found: TableState,
    settings: TableSettings,
    run: Run,
    *,
    one_moment: bool,
) -> Snapshot:
    request = extraction_requests.snapshot_request(
        settings, run.id, one_moment=one_moment, settled=True
    )
    reply = ask.ask(snowflake, request, PlanReply)
    if settings.mode == "log":
        reply = _begun_behind(reply, capture.latest(snowflake, settings.source))
    # A run may plan twice (parts too large): the id must tell the two apart.
    snapshot_id = f"{run.id}-{snowflake.statements}"
    snapshot = Snapshot(snapshot_id, found.identity, reply, {})
    record_part(snowflake, settings, run, snapshot, "#plan", encode(reply))
    return snapshot


def _begun_behind(reply: PlanReply, link: Link | None) -> PlanReply:
    """Returns the plan with the end of the captures, read after it had settled.

    What the parts do not see is in the log behind it.

    Raises:
        UsageError: "log_not_started".
    """
    if link is None or link.is_gap or link.to_lsn is None:
        raise UsageError("log_not_started", "The log of the source is not recorded.")
    if reply.log is None:
        raise LambdaError("reply_invalid", "The plan says nothing of the log.")
    return dataclasses.replace(
        reply,
        bound=Bound(CursorValue(link.to_lsn, LOG_POSITION)),
        log=dataclasses.replace(reply.log, version=link.version),
    )


def _extract_parts(
    snowflake: Snowflake, settings: TableSettings, run: Run, snapshot: Snapshot
) -> Snapshot:
    done = dict(snapshot.done)
    waves = progress.waves(snapshot.plan, frozenset(done), settings.max_parallel)
    for wave in waves:
        left: Sequence[Partition] = wave
        for attempt in range(1, _ATTEMPTS + 1):
            failed = _extract_wave(
                snowflake, settings, run, snapshot, left, attempt, done
            )
            if not failed:
                break
            _, refusal = failed[0]
            if attempt == _ATTEMPTS or not all(r.error.retryable for _, r in failed):
                raise ask.refusal(refusal)
            left = [partition for partition, _ in failed]
        lease.renew_lease(snowflake, settings.name, run.id)
    return dataclasses.replace(snapshot, done=done)


def _extract_wave(
    snowflake: Snowflake,
    settings: TableSettings,
    run: Run,
    snapshot: Snapshot,
    wave: Sequence[Partition],
    attempt: int,
    done: dict[str, ExtractReply],
) -> list[tuple[Partition, ErrorReply]]:
    """Extracts parts by one SELECT; records what succeeds, returns the rest."""
    # A run may plan more than once, and each time it has a part of that name.
    number = snapshot.id.rpartition("-")[2]
    requests = [
        extraction_requests.part_request(settings, p, run.id, f"{number}-{attempt}")
        for p in wave
    ]
    failed = []
    for partition, reply in zip(wave, ask.ask_all(snowflake, requests)):
        if isinstance(reply, ErrorReply):
            failed.append((partition, reply))
            continue
        manifest = ask.expect(reply, ExtractReply, run.id)
        if _shape(manifest) != _shape(snapshot.plan):
            raise LambdaError(
                "columns_changed", "The source's columns are not those of the plan."
            )
        message = encode(manifest)
        record_part(snowflake, settings, run, snapshot, partition.part, message)
        done[partition.part] = manifest
    return failed


def _shape(reply: ExtractReply | PlanReply) -> tuple[object, ...]:
    return reply.columns, reply.key, reply.relation_id


def _note_extraction(run: Run, snapshot: Snapshot) -> None:
    replies = snapshot.done.values()
    bound = snapshot.plan.bound
    warnings = snapshot.plan.warnings + tuple(w for r in replies for w in r.warnings)
    run.note(
        windows=len(snapshot.done),
        rows=sum(r.rows for r in replies),
        files=sum(len(r.files) for r in replies),
        bytes=sum(r.bytes for r in replies),
        watermark=bound.watermark.value if bound and bound.watermark else None,
        oldest_transaction=bound.oldest_transaction if bound else None,
        warnings=run.tally.warnings
        + tuple((w.code, w.message, w.hint) for w in dict.fromkeys(warnings)),
    )


def _load(
    snowflake: Snowflake,
    job: Job,
    found: TableState,
    run: Run,
    snapshot: Snapshot,
    write: Write,
    changes: tuple[Change, ...],
) -> None:
    planned, replies = snapshot.plan, list(snapshot.done.values())
    source = target.source_of(planned)
    aligned = target.find_alignment(snowflake, job.target, source, found.shape)
    transfer.stage(snowflake, run, job, aligned.columns, snapshot.files)
    if job.settings.mode == "incremental" and not planned.key_enforced:
        staged = merge.batch(job, aligned, planned.key, planned.planned_at)
        (row,) = snowflake.run(statements.shared_keys(staged), tell_only=())
        duplicates.check(run, job.settings, int(row[0]))
    commit = Commit(
        version=found.version + 1,
        kind="snapshot",
        bound=planned.bound,
        columns_sha256=columns.digest(
            planned.columns,
            planned.key,
            planned.relation_id,
            job.settings,
            planned.described,
        ),
        rows=run.tally.rows,
        altered=_altered(replies),
        source_identity=planned.identity,
        capture_version=planned.log.version if planned.log else None,
        log_identity=planned.log.identity if planned.log else None,
    )
    closed = statements.insert_part(
        job.settings.name, run.id, snapshot.row("#closed", None)
    )
    recorded = ledger_statements.insert_schema_changes(
        job.settings.name, run.id, changes
    )
    run.note_changes(changes)
    transfer.commit(
        snowflake,
        run,
        Transfer(
            job=job,
            aligned=aligned,
            key=planned.key,
            extracted_at=planned.planned_at,
            write=write,
            based_on=found.version,
            source=source,
            commit=commit,
            shape=found.shape,
            appended=(closed, *recorded),
            begins=True,
            described=planned.described,
        ),
    )


def _warn_of_moments(run: Run, parts: int) -> None:
    run.warn(
        "several_moments",
        f"The table is too large for one worker and was read in {parts} parts, each of"
        " a moment of its own: a row whose key changed meanwhile may be there twice, or"
        " not at all.",
        "Use mode incremental if the table has a cursor, or sync it while nobody"
        " changes keys. The next sync reads it anew.",
    )


def _altered(replies: Sequence[ExtractReply]) -> tuple[AlteredValue, ...]:
    """Returns one value per column, summed over the parts."""
    merged: dict[str, AlteredValue] = {}
    for value in (v for reply in replies for v in reply.altered):
        known = merged.get(value.column, AlteredValue(value.column, 0))
        keys = (known.sample_keys + value.sample_keys)[:10]
        merged[value.column] = AlteredValue(value.column, known.rows + value.rows, keys)
    return tuple(merged.values())
