"""Increments: window after window, each committed on its own."""

import dataclasses
import time
from dataclasses import dataclass

from lambda_extract.contract import Bound, ExtractReply, File, SourceIdentity
from snowpark.columns import column as columns
from snowpark.columns.alignment import Alignment
from snowpark.columns.shape import Change, Shape
from snowpark.errors import LambdaError
from snowpark.extraction import ask, requests
from snowpark.extraction import progress as extraction_progress
from snowpark.extraction.progress import Progress
from snowpark.ledger import read, write
from snowpark.ledger.records import Commit, Ledger, TableState, refined
from snowpark.ledger.run import Run, note_extract
from snowpark.load import merge, staging, target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.sync import duplicates, transfer
from snowpark.sync.transfer import Done, Transfer


@dataclass(frozen=True)
class Outcome:
    """How an increment ended.

    Attributes:
        state: As the last commit left it.
        complete: False if rows that are in the target already lack the values of a
            column, or the source is another one: the table has to be read as a whole.
        source_change: What the reload is recorded as, if the source is another one.
    """

    state: TableState
    complete: bool
    source_change: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Extracted:
    """The first window of a run, extracted together with those of other tables.

    Attributes:
        staged: Its files are in the run's staging table.
    """

    reply: ExtractReply
    staged: bool


@dataclass
class Course:
    """What changes from window to window: the last commit, and how the target fits.

    Attributes:
        ledger: Of the last commit.
        shape: Of the last commit.
        aligned: What the target was found to need last.
        digest: Of the columns that `aligned` is for.
        drifted: True if the target has to follow, whether or not there are rows.
        files: Of the last window that had any.
    """

    ledger: Ledger
    shape: Shape
    drifted: bool = False
    aligned: Alignment | None = None
    digest: str | None = None
    files: tuple[File, ...] = ()


def run_increment(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    attempt: int = 0,
    first: Extracted | None = None,
) -> Outcome:
    """Reads and commits windows until nothing is left.

    Args:
        attempt: Increments of this run before; they have S3 prefixes of their own.
        first: The first window, if it has been extracted already.

    Raises:
        SyncError: Windows that were committed stay; the next run goes on behind them.
    """
    if found.ledger is None:
        raise ValueError("an increment starts from a ledger row")
    job = Job(found.settings, run.id, run.purpose, common=run.staging)
    progress = extraction_progress.start(found, attempt)
    course = Course(found.ledger, found.shape)
    complete = False
    changed: tuple[Change, ...] = ()
    while not complete:
        if first is None:
            reply, progress = _extract_window(snowflake, found, run, progress)
        else:
            reply = first.reply
            progress = note_window(run, progress, reply, reply.seconds)
        if reply.source_changed:
            changed = source_change(found, run, reply)
            break
        aligned = look_at_target(snowflake, job, course, reply)
        if aligned is not None and aligned.missing_values:
            break
        if reply.files:
            duplicates.check(run, found.settings, reply.shared_keys)
            staged = first is not None and first.staged
            if not staged:
                stage_window(snowflake, job, run, course, reply)
            course.files = reply.files
            work = _transfer(job, course, reply, progress, last=reply.complete)
            committed(course, transfer.commit(snowflake, run, work))
        else:
            _note_nothing_new(snowflake, job, run, course, reply, progress)
        complete = reply.complete
        first = None
    if job.staging in run.staged:
        transfer.drop_staging(snowflake, run, job, course.files if complete else ())
    after = dataclasses.replace(found, ledger=course.ledger, shape=course.shape)
    return Outcome(after, complete, changed)


def source_change(
    found: TableState, run: Run, reply: ExtractReply
) -> tuple[Change, ...]:
    """Returns what a reload of a source that went back in time is recorded as.

    Raises:
        LambdaError: source_changed, if the policy is to fail.
    """
    if found.settings.source_changed == "fail":
        raise LambdaError("source_changed", reply.source_changed)
    run.warn(
        "source_changed",
        f"{reply.source_changed} The whole table was read again.",
        'Nothing to do; "source_changed": "fail" stops instead.',
    )
    return (Change("source_changed", found.settings.relation, 0),)


def stage_first(
    snowflake: Snowflake, found: TableState, run: Run, reply: ExtractReply
) -> bool:
    """Loads the files of a first window into the staging table, ahead of its commit.

    Returns:
        False if there was nothing to load, or loading it would not be enough.

    Raises:
        SyncError: Files and manifest disagree, or Snowflake refused a file.
    """
    if found.ledger is None or not reply.files:
        return False
    job = Job(found.settings, run.id, run.purpose)
    course = Course(found.ledger, found.shape)
    aligned = look_at_target(snowflake, job, course, reply)
    if aligned is None or aligned.missing_values:
        return False
    stage_window(snowflake, job, run, course, reply)
    return True


def look_at_target(
    snowflake: Snowflake, job: Job, course: Course, reply: ExtractReply
) -> Alignment | None:
    """Compares a window's columns with the target; None if nothing calls for it.

    That is if the window has no rows and its columns are those of the last commit.
    Otherwise the target is looked at with the first window, because people can alter
    it, and again whenever the source's columns have changed.
    """
    settings = job.settings
    digest = columns.digest(
        reply.columns, reply.key, reply.relation_id, settings, reply.described
    )
    course.drifted = digest != course.ledger.columns_sha256 or course.shape.unsettled
    if not course.drifted and not reply.files:
        return None
    if course.aligned is None or digest != course.digest:
        staging.check_key(reply.key, reply.columns)
        course.aligned = target.find_alignment(
            snowflake, job.target, target.source_of(reply), course.shape
        )
        course.digest = digest
    return course.aligned


def committed(course: Course, done: Done) -> None:
    """Takes over what was committed: the target has been altered and recorded."""
    commit = done.commit
    if commit is None:
        raise ValueError("a window is committed with its watermark")
    bound = commit.bound
    course.ledger = dataclasses.replace(
        course.ledger,
        version=commit.version,
        watermark=bound.watermark if bound else None,
        pending_bound=bound.pending_bound if bound else None,
        overlap=bound.overlap if bound else None,
        columns_sha256=commit.columns_sha256,
        source_identity=commit.source_identity,
        refined_at=commit.refined_at,
        capture_version=commit.capture_version,
        log_identity=commit.log_identity,
        target_rows=commit.target_rows,
    )
    course.shape = commit.shape or course.shape
    course.aligned = done.aligned.done() if done.aligned is not None else None


def _extract_window(
    snowflake: Snowflake, found: TableState, run: Run, progress: Progress
) -> tuple[ExtractReply, Progress]:
    """Asks for the next window; one that does not fit into its time is halved."""
    started = time.monotonic()
    while True:
        request = requests.next_window(found.settings, progress, run.id)
        try:
            reply = ask.ask(snowflake, request, ExtractReply)
            break
        except LambdaError as error:
            smaller = extraction_progress.halved(progress)
            if smaller is None or not _is_too_large(snowflake, run, error):
                raise
            progress = smaller
    return reply, note_window(run, progress, reply, time.monotonic() - started)


def _is_too_large(snowflake: Snowflake, run: Run, error: LambdaError) -> bool:
    """Returns whether a smaller window may help.

    A lost worker may have been an accident, and the same window arrives next time. One
    that is lost in two runs is more than a worker can do.
    """
    if error.code != "worker_lost":
        return error.code == "window_too_large"
    return read.last_error(snowflake, run.table) == "worker_lost"


def note_window(
    run: Run, progress: Progress, reply: ExtractReply, seconds: float
) -> Progress:
    """Adds a window to the tally of a run, and returns how far the run has come."""
    progress = extraction_progress.advanced(progress, reply)
    tally = run.tally
    watermark = progress.bound.watermark
    run.note(
        windows=tally.windows + 1,
        rows=tally.rows + reply.rows,
        files=tally.files + len(reply.files),
        bytes=tally.bytes + reply.bytes,
        watermark=watermark.value if watermark else None,
        oldest_transaction=progress.bound.oldest_transaction,
        null_cursor_rows=max(tally.null_cursor_rows, reply.null_cursor_rows),
        warnings=tally.warnings
        + tuple((w.code, w.message, w.hint) for w in reply.warnings),
    )
    note_extract(run, seconds)
    return progress


def stage_window(
    snowflake: Snowflake, job: Job, run: Run, course: Course, reply: ExtractReply
) -> None:
    if course.aligned is None:
        raise ValueError("the target was not looked at")
    transfer.stage(snowflake, run, job, course.aligned.columns, reply.files)


def _transfer(
    job: Job, course: Course, reply: ExtractReply, progress: Progress, last: bool
) -> Transfer:
    """Returns how a window is committed: merged, with its watermark."""
    if course.aligned is None:
        raise ValueError("the target was not looked at")
    return Transfer(
        job=job,
        aligned=course.aligned,
        key=reply.key,
        extracted_at=reply.extracted_at,
        write=merge.merger(course.ledger.target_rows),
        based_on=course.ledger.version,
        source=target.source_of(reply),
        commit=_commit(course, reply, progress),
        shape=course.shape,
        merged_rows=None if reply.shared_keys else reply.rows,
        last=last,
        begins=course.drifted,
        described=reply.described,
    )


def _commit(course: Course, reply: ExtractReply, progress: Progress) -> Commit:
    return Commit(
        version=course.ledger.version + 1,
        kind="increment",
        bound=progress.bound,
        columns_sha256=course.digest or course.ledger.columns_sha256,
        rows=reply.rows,
        altered=reply.altered,
        source_identity=reply.identity,
        target_rows=course.ledger.target_rows,
    )


def _note_nothing_new(
    snowflake: Snowflake,
    job: Job,
    run: Run,
    course: Course,
    reply: ExtractReply,
    progress: Progress,
) -> None:
    """Moves the watermark as far as the proof allows: no COPY, MERGE or transaction.

    Without rows the watermark row stands alone: it says that the rows up to it were
    delivered before, which is true whether or not the run row follows, and whoever has
    the table by now. Changed columns are followed without rows, too: they are committed
    with the watermark.
    """
    if course.drifted:
        work = _transfer(job, course, reply, progress, last=False)
        committed(course, transfer.commit_columns(snowflake, run, work))
    elif is_moved(course.ledger, progress.bound, reply.identity):
        commit = refined(_commit(course, reply, progress), reply.extracted_at)
        write.record_commit(snowflake, job.settings, job.run_id, commit)
        committed(course, Done(course.aligned, commit))
    if reply.complete:
        changed = run.tally.rows > 0
        write.record_run(snowflake, run, "succeeded" if changed else "unchanged")


def is_moved(ledger: Ledger, bound: Bound, identity: SourceIdentity | None) -> bool:
    """Returns whether the ledger has to say something else than it does."""
    known = (ledger.watermark, ledger.pending_bound, ledger.overlap)
    found = (bound.watermark, bound.pending_bound, bound.overlap)
    return found != known or _is_other(ledger.source_identity, identity)


def _is_other(known: SourceIdentity | None, now: SourceIdentity | None) -> bool:
    """True if the next sync should compare with another identity than the last one."""
    return known is None or (now is not None and known.members != now.members)
