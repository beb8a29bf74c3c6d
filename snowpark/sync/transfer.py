"""From the files of manifests to committed rows: the one way that rows take.

    stage      exactly the files of the manifests, counted
    align      the target takes the source's columns, if it is to follow them
    write      merge, overwrite or remove, inside the transaction
    commit     rows, watermark and run together, behind the fence

Increments, snapshots, compared keys, backfills and repairs differ in how they write and
in what they commit. A staging table is noted in the run before it exists, so that
whatever happens `lifecycle.run_owned` drops it.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambda_extract.contract import Described, File
from snowpark import spans
from snowpark.columns.alignment import Alignment, Source
from snowpark.columns.column import LoadColumn
from snowpark.columns.shape import Shape
from snowpark.errors import SyncError
from snowpark.ledger import run as ledger_run
from snowpark.ledger.records import Commit, refined
from snowpark.ledger.run import Counts, Run
from snowpark.load import commit as load_commit
from snowpark.load import extras, history, merge, staging, target
from snowpark.load.staging import Job
from snowpark.load.statements import Batch
from snowpark.session import Snowflake
from snowpark.sql import Statement
from snowpark.sync import duplicates, statements

Write = Callable[[Snowflake, Batch], Counts]


@dataclass(frozen=True)
class Transfer:
    """Rows on their way from files to the target.

    Attributes:
        aligned: How the target takes the columns.
        key: Source columns.
        extracted_at: ISO 8601; the _SYNC_EXTRACTED_AT of the rows.
        write: Changes rows of the target inside the transaction.
        based_on: Version of the table that the run knew before it extracted the rows.
        source: Columns that the target is altered for; None: it stays as it is.
        commit: The watermark row, but for shape and changes, which aligning finds;
            None: the watermark does not move.
        shape: Of the latest commit.
        appended: Further statements of the transaction.
        merged_rows: Rows that the MERGE has to insert or update, each once; None
            if the write is another one, or shared keys are told already.
        last: The run's row goes with it.
        begins: True if rows of the target may be no versions yet, should it keep a
            history.
        described: What the source's catalog says of the table.
    """

    job: Job
    aligned: Alignment
    key: Sequence[str]
    extracted_at: str
    write: Write
    based_on: int
    source: Source | None = None
    commit: Commit | None = None
    shape: Shape | None = None
    appended: tuple[Statement, ...] = ()
    merged_rows: int | None = None
    last: bool = True
    begins: bool = False
    described: Described | None = None


@dataclass(frozen=True)
class Done:
    """What a transfer has committed.

    Attributes:
        aligned: None if nobody has looked at the target.
        commit: None if no row of the target has changed, nor the watermark.
    """

    aligned: Alignment | None
    commit: Commit | None

    def version(self, before: int) -> int:
        """Returns the version of the table after it."""
        return self.commit.version if self.commit else before


def stage(
    snowflake: Snowflake,
    run: Run,
    job: Job,
    columns: Sequence[LoadColumn],
    files: Sequence[File],
) -> None:
    """Loads the files into the run's staging table, and notes how long it took.

    Raises:
        LoadError: See `staging.stage`.
    """
    started = time.monotonic()
    if job.staging not in run.staged:
        run.staged.append(job.staging)
    with spans.span("load", table=run.table, run_id=run.id, files=len(files)):
        staging.stage(snowflake, job, columns, files)
    ledger_run.note_load(run, time.monotonic() - started)


def commit(snowflake: Snowflake, run: Run, transfer: Transfer) -> Done:
    """Aligns the target, writes staged rows and commits them.

    Raises:
        SyncError: Whatever failed; of the rows and the watermark nothing was kept.
    """
    with spans.span("commit", table=run.table, run_id=run.id) as span:
        done = _commit(snowflake, run, transfer)
        counts = run.tally.counts
        span.tell(
            inserted=counts.inserted, updated=counts.updated, deleted=counts.deleted
        )
        return done


def _commit(snowflake: Snowflake, run: Run, transfer: Transfer) -> Done:
    started = time.monotonic()
    aligned = align(snowflake, run, transfer)
    rows = merge.batch(transfer.job, aligned, transfer.key, transfer.extracted_at)
    rows = _of_history(run, transfer, rows, aligned)

    def work() -> tuple[Commit | None, bool]:
        # That an overwrite locks its target, nobody says.
        locked = transfer.job.reload and merge.lock_target(snowflake, rows)
        counts = transfer.write(snowflake, rows)
        ledger_run.note_counts(run, counts, time.monotonic() - started)
        if transfer.merged_rows is not None and rows.history is not None:
            # Of a history, what was merged does not say how many rows were staged.
            statement = statements.shared_keys(rows)
            (found,) = snowflake.run(statement, tell_only=())
            duplicates.check(run, transfer.job.settings, int(found[0]))
        elif transfer.merged_rows is not None and not rows.removes:
            lost = transfer.merged_rows - counts.inserted - counts.updated
            duplicates.check(run, transfer.job.settings, lost)
        changed = counts.inserted + counts.updated + counts.deleted > 0
        row = _row(run, transfer, aligned, changed)
        row = _counted(row, transfer, aligned, counts)
        _record(snowflake, run, transfer, row)
        # A MERGE, UPDATE or DELETE that has changed rows holds the lock.
        return row, locked or (changed and not transfer.job.reload)

    return Done(aligned, _committed(snowflake, run, transfer, work))


def commit_columns(snowflake: Snowflake, run: Run, transfer: Transfer) -> Done:
    """Aligns the target and commits its columns with the watermark, without rows.

    Raises:
        SyncError: Whatever failed; the watermark is where it was.
    """
    aligned = align(snowflake, run, transfer)
    rows = merge.batch(transfer.job, aligned, transfer.key, transfer.extracted_at)

    def work() -> tuple[Commit | None, bool]:
        locked = merge.lock_target(snowflake, rows)
        if transfer.job.settings.history and not aligned.create:
            history.prepare(snowflake, _of_history(run, transfer, rows, aligned))
        row = commit_row(transfer, aligned)
        _record(snowflake, run, transfer, row)
        return row, locked

    return Done(aligned, _committed(snowflake, run, transfer, work))


def drop_staging(
    snowflake: Snowflake, run: Run, job: Job, files: Sequence[File] = ()
) -> None:
    """Drops the staging table of a run that needs it no more.

    Args:
        files: See `staging.drop_staging`.
    """
    staging.drop_staging(snowflake, job, files)
    if job.staging in run.staged:
        run.staged.remove(job.staging)


def align(snowflake: Snowflake, run: Run, transfer: Transfer) -> Alignment:
    """Alters the target for the source's columns, if it is to follow them."""
    if transfer.source is None:
        return transfer.aligned
    aligned = target.apply(
        snowflake, transfer.job.target, transfer.source, transfer.aligned
    )
    aligned = extras.apply(
        snowflake,
        run,
        transfer.job,
        transfer.described,
        transfer.source.key,
        aligned,
    )
    if not transfer.job.settings.history:
        return aligned
    return history.dated(aligned, transfer.shape, transfer.extracted_at)


def _of_history(run: Run, transfer: Transfer, rows: Batch, aligned: Alignment) -> Batch:
    """Adds what a history is told once: when it begins, and when values leave it."""
    if rows.history is None or transfer.source is None or aligned.create:
        return rows
    before = transfer.shape
    blanked = history.uncovered(before, aligned.shape) if before else ()
    if blanked:
        run.warn(
            "history_values_removed",
            f"{len(blanked)} columns are protected from now on: their values were"
            " taken out of all versions.",
            "Nothing to do; versions that begin from now on have protected values.",
        )
    versions = dataclasses.replace(
        rows.history,
        begins=transfer.begins,
        flagged=not aligned.lacks_deleted_at,
        blanked=blanked,
        forget_days=transfer.job.settings.history_days if transfer.last else None,
    )
    return dataclasses.replace(rows, history=versions)


def commit_row(transfer: Transfer, aligned: Alignment) -> Commit | None:
    """Returns the watermark row with the columns that it is committed with."""
    if transfer.commit is None:
        return None
    return dataclasses.replace(
        transfer.commit,
        shape=aligned.shape if aligned.shape != transfer.shape else None,
        changes=aligned.changes,
    )


def _row(
    run: Run, transfer: Transfer, aligned: Alignment, changed: bool
) -> Commit | None:
    """Returns the row of a commit whose write has changed rows, or has not."""
    row = commit_row(transfer, aligned)
    if row is None and changed:
        # The watermark stays, but whoever knows an older target has to know.
        version, kind = transfer.based_on + 1, run.tally.kind
        return Commit(version, kind, None, None, rows=run.tally.rows)
    if row is None or changed or transfer.job.reload or row.shape or row.changes:
        return row
    return refined(row, transfer.extracted_at)


def _counted(
    row: Commit | None, transfer: Transfer, aligned: Alignment, counts: Counts
) -> Commit | None:
    """Returns the row with the rows that the target has now, if that is known.

    Of a history these are its versions: none goes but by its age, of which nobody
    counts; so there may be fewer, until the range of the keys is asked for again.
    """
    if row is None:
        return None
    history = transfer.job.settings.history
    added = counts.inserted if history else counts.inserted - counts.deleted
    known = row.target_rows if counts.before is None else counts.before
    if aligned.create or (transfer.job.reload and not history):
        known, added = 0, counts.inserted
    rows = None if known is None else known + added
    return dataclasses.replace(row, target_rows=rows, added_rows=added)


def _committed(
    snowflake: Snowflake, run: Run, transfer: Transfer, work: load_commit.Work
) -> Commit | None:
    """Commits what the work sends, or nothing; then the run has done nothing either.

    Its own row is rolled back with the rest, so that the failure still has to be
    recorded, and without rows that never reached the target.
    """
    tally, recorded = run.tally, run.recorded
    try:
        return load_commit.commit(
            snowflake,
            transfer.job,
            transfer.based_on,
            work,
            ends=run if transfer.last else None,
        )
    except SyncError:
        run.tally, run.recorded = tally, recorded
        raise


def _record(
    snowflake: Snowflake, run: Run, transfer: Transfer, row: Commit | None
) -> None:
    if row is not None:
        run.note_changes(row.changes)
    for statement in transfer.appended:
        snowflake.run(statement)
