"""Increments: window after window, each committed on its own."""

import dataclasses
import time
from dataclasses import dataclass

from lambda_extract.contract import ExtractReply, File
from snowpark.columns import column as columns
from snowpark.columns.alignment import Alignment
from snowpark.columns.shape import Shape
from snowpark.errors import ExtractError
from snowpark.extraction import ask, requests
from snowpark.extraction import progress as extraction_progress
from snowpark.extraction.progress import Progress
from snowpark.ledger import write
from snowpark.ledger.records import Commit, Ledger, TableState
from snowpark.ledger.run import Counts, Run, note_counts, note_load
from snowpark.load import commit as load_commit
from snowpark.load import merge, staging, target
from snowpark.warehouse import Warehouse


@dataclass(frozen=True)
class Outcome:
    """How an increment ended.

    Attributes:
        state: As the last commit left it.
        complete: False where rows that are in the target already lack the values of a
            column: the table has to be read as a whole.
    """

    state: TableState
    complete: bool


@dataclass(frozen=True)
class Extracted:
    """The first window of a run, extracted together with those of other tables.

    Attributes:
        staged: Its files are in the run's staging table.
    """

    reply: ExtractReply
    staged: bool


@dataclass
class _Course:
    """What changes from window to window: the last commit, and how the target fits.

    Attributes:
        ledger: Of the last commit.
        shape: Of the last commit.
        aligned: What the target was found to need last.
        digest: Of the columns that `aligned` is for.
        drifted: True where the target has to follow, whether or not there are rows.
        staged: True once the staging table exists.
        files: Of the last window that had any.
    """

    ledger: Ledger
    shape: Shape
    drifted: bool = False
    aligned: Alignment | None = None
    digest: str | None = None
    staged: bool = False
    files: tuple[File, ...] = ()


def run_increment(
    warehouse: Warehouse,
    found: TableState,
    run: Run,
    attempt: int = 0,
    first: Extracted | None = None,
) -> Outcome:
    """Reads and commits windows until nothing is left.

    Args:
        attempt: Increments of this run before; they have S3 prefixes of their own.
        first: The first window, where it has been extracted already.

    Raises:
        SyncError: Windows that were committed stay; the next run goes on behind them.
    """
    if found.ledger is None:
        raise ValueError("an increment starts from a ledger row")
    job = staging.Job(found.settings, run.id)
    progress = extraction_progress.start(found, attempt)
    course = _Course(found.ledger, found.shape)
    complete = False
    while not complete:
        if first is None:
            reply, progress = _extract_window(warehouse, found, run, progress)
        else:
            reply = first.reply
            progress = _note_window(run, progress, reply, reply.seconds)
            course.staged = first.staged
        aligned = _look_at_target(warehouse, job, course, reply)
        if aligned is not None and aligned.missing_values:
            break
        if reply.files:
            staged = first is not None and first.staged
            if not staged:
                _stage_window(warehouse, job, run, course, reply)
            course.files = reply.files
            _commit_window(warehouse, job, run, course, reply, progress)
        else:
            _note_nothing_new(warehouse, job, run, course, reply, progress)
        complete = reply.complete
        first = None
    if course.staged:
        staging.drop_staging(warehouse, job, course.files if complete else ())
    after = dataclasses.replace(found, ledger=course.ledger, shape=course.shape)
    return Outcome(after, complete)


def stage_first(
    warehouse: Warehouse, found: TableState, run: Run, reply: ExtractReply
) -> bool:
    """Loads the files of a first window into the staging table, ahead of its commit.

    Returns:
        False where there was nothing to load, or loading it would not be enough.

    Raises:
        SyncError: Files and manifest disagree, or Snowflake refused a file.
    """
    if found.ledger is None or not reply.files:
        return False
    job = staging.Job(found.settings, run.id)
    course = _Course(found.ledger, found.shape)
    aligned = _look_at_target(warehouse, job, course, reply)
    if aligned is None or aligned.missing_values:
        return False
    _stage_window(warehouse, job, run, course, reply)
    return True


def _look_at_target(
    warehouse: Warehouse, job: staging.Job, course: _Course, reply: ExtractReply
) -> Alignment | None:
    """Compares a window's columns with the target; None where nothing calls for it.

    That is where the window has no rows and its columns are those of the last commit.
    Otherwise the target is looked at with the first window, because people can alter
    it, and again whenever the source's columns have changed.
    """
    settings = job.settings
    digest = columns.digest(reply.columns, reply.key, reply.relation_id, settings)
    course.drifted = digest != course.ledger.columns_sha256 or course.shape.pending
    if not course.drifted and not reply.files:
        return None
    if course.aligned is None or digest != course.digest:
        staging.check_key(reply.key, reply.columns)
        course.aligned = target.plan(
            warehouse, job.target, target.source_of(reply), course.shape
        )
        course.digest = digest
    return course.aligned


def _align(
    warehouse: Warehouse, job: staging.Job, course: _Course, reply: ExtractReply
) -> Alignment:
    """Alters the target, if need be; once for the windows with the same columns."""
    if course.aligned is None:
        raise ValueError("the target was not looked at")
    source = target.source_of(reply)
    course.aligned = target.apply(warehouse, job.target, source, course.aligned)
    return course.aligned


def _committed(course: _Course, commit: Commit) -> None:
    """Takes over what was committed: the target has been altered and recorded."""
    bound = commit.bound
    course.ledger = dataclasses.replace(
        course.ledger,
        version=commit.version,
        watermark=bound.watermark if bound else None,
        pending_bound=bound.pending_bound if bound else None,
        overlap=bound.overlap if bound else None,
        columns_sha256=commit.columns_sha256,
    )
    course.shape = commit.shape or course.shape
    if course.aligned is not None:
        course.aligned = course.aligned.done()


def _extract_window(
    warehouse: Warehouse, found: TableState, run: Run, progress: Progress
) -> tuple[ExtractReply, Progress]:
    """Asks for the next window; one that does not fit into its time is halved."""
    started = time.monotonic()
    while True:
        request = requests.next_window(found.settings, progress, run.id)
        try:
            reply = ask.ask(warehouse, request, ExtractReply)
            break
        except ExtractError as error:
            smaller = extraction_progress.halved(progress)
            if error.code != "window_too_large" or smaller is None:
                raise
            progress = smaller
    return reply, _note_window(run, progress, reply, time.monotonic() - started)


def _note_window(
    run: Run, progress: Progress, reply: ExtractReply, seconds: float
) -> Progress:
    progress = extraction_progress.advanced(progress, reply)
    tally = run.tally
    watermark = progress.bound.watermark
    run.note(
        windows=tally.windows + 1,
        rows=tally.rows + reply.rows,
        files=tally.files + len(reply.files),
        bytes=tally.bytes + reply.bytes,
        seconds=dataclasses.replace(
            tally.seconds, extract=tally.seconds.extract + seconds
        ),
        watermark=watermark.value if watermark else None,
        oldest_transaction=progress.bound.oldest_transaction,
        null_cursor_rows=max(tally.null_cursor_rows, reply.null_cursor_rows),
        warnings=tally.warnings
        + tuple((w.code, w.message, w.hint) for w in reply.warnings),
    )
    return progress


def _stage_window(
    warehouse: Warehouse,
    job: staging.Job,
    run: Run,
    course: _Course,
    reply: ExtractReply,
) -> None:
    started = time.monotonic()
    if course.aligned is None:
        raise ValueError("the target was not looked at")
    course.staged = True
    staging.stage(warehouse, job, course.aligned.columns, reply.files)
    note_load(run, time.monotonic() - started)


def _commit_window(
    warehouse: Warehouse,
    job: staging.Job,
    run: Run,
    course: _Course,
    reply: ExtractReply,
    progress: Progress,
) -> None:
    """Aligns the target, merges and commits one staged window."""
    started = time.monotonic()
    aligned = _align(warehouse, job, course, reply)
    rows = merge.batch(job, aligned, reply.key, reply.extracted_at)
    commit = _commit(course, reply, progress)

    def record(counts: Counts) -> None:
        note_counts(run, counts, time.monotonic() - started)
        run.note_changes(commit.changes)
        if not rows.removes:
            _warn_of_shared_keys(run, reply.rows - counts.inserted - counts.updated)
        if reply.complete:
            write.record_run(warehouse, run, "succeeded")

    load_commit.commit_rows(
        warehouse,
        job,
        commit,
        lambda: merge.merge_rows(warehouse, rows),
        record,
    )
    _committed(course, commit)


def _commit(course: _Course, reply: ExtractReply, progress: Progress) -> Commit:
    aligned = course.aligned
    new_shape = aligned is not None and aligned.shape != course.shape
    return Commit(
        version=course.ledger.version + 1,
        kind="increment",
        bound=progress.bound,
        columns_sha256=course.digest or course.ledger.columns_sha256,
        rows=reply.rows,
        altered=reply.altered,
        shape=aligned.shape if aligned and new_shape else None,
        changes=aligned.changes if aligned else (),
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
    job: staging.Job,
    run: Run,
    course: _Course,
    reply: ExtractReply,
    progress: Progress,
) -> None:
    """Moves the watermark where the proof allows it; no COPY, no MERGE, no transaction.

    Without rows the watermark row stands alone: it says that the rows up to it were
    delivered before, which is true whether or not the run row follows. Changed columns
    are followed without rows, too: they are committed with the watermark.
    """
    ledger, bound = course.ledger, progress.bound
    if course.drifted:
        _align(warehouse, job, course, reply)
    commit = _commit(course, reply, progress)
    known = (ledger.watermark, ledger.pending_bound, ledger.overlap)
    if course.drifted:
        load_commit.commit_rows(warehouse, job, commit, Counts, lambda _: None)
        run.note_changes(commit.changes)
        _committed(course, commit)
    elif (bound.watermark, bound.pending_bound, bound.overlap) != known:
        write.record_commit(warehouse, job.settings, job.run_id, commit)
        _committed(course, commit)
    if reply.complete:
        changed = run.tally.rows > 0
        write.record_run(warehouse, run, "succeeded" if changed else "unchanged")
