"""A table of mode log: what its source's captures tell is read and merged, in order.

The log tells which keys have changed; their rows are read from the table as they are
now. So a window may be read again at any time, and what is newer than its captures does
no harm. The watermark (a version of the chain of captures) commits with the rows.
"""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lambda_extract.contract import (
    Bound,
    CursorValue,
    ExtractReply,
    LogBound,
    LogIdentity,
)
from snowpark.captures import capture, records
from snowpark.captures.records import Changed, Link, LogSource, Piece
from snowpark.errors import LambdaError, UsageError
from snowpark.extraction import ask, progress, requests
from snowpark.ledger import read, write
from snowpark.ledger.records import Commit, Ledger, TableState, refined
from snowpark.ledger.run import Run, note_extract, now
from snowpark.load import merge, target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.sync import increment, keys, log_plan, snapshot, transfer
from snowpark.sync.increment import Course, Extracted
from snowpark.sync.snapshot import LOG_POSITION
from snowpark.sync.transfer import Transfer

# A new column may ask for a reload; another one may appear while that goes on.
_RELOADS = 2
# An idle table notes that it has seen so many captures, so that none has to look far.
CAPTURES_UNNOTED = 500


@dataclass(frozen=True)
class Outcome:
    """How the windows of a run ended.

    Attributes:
        complete: False if the table has to be read as a whole.
        upto: What the last window has read; None: there was none.
        identity: To be remembered once all keys are compared; None: they need not be.
        read_at: The source's clock at the last window.
    """

    state: TableState
    complete: bool
    upto: Piece | None = None
    identity: LogIdentity | None = None
    read_at: str = ""


def bring_up_to_date(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    *,
    reload: bool,
    confirmed: bool,
    captured: bool = False,
    first: Extracted | None = None,
) -> None:
    """Captures the log of the source, then reads and commits what it tells of a table.

    Args:
        reload: A person asked to read the whole table.
        confirmed: A person said that the rows that are gone are rightly gone.
        captured: This run has captured the log already, for a whole group.
        first: The first window behind that capture, if it has been extracted already.

    Raises:
        SyncError: Windows that were committed stay.
    """
    source = capture.find_source(snowflake, found.settings.source)
    link = capture.own(snowflake, source, run.id) if captured else None
    if link is None:
        # What was extracted is behind another capture than this one.
        first = None
        link = capture.bring_up_to_date(snowflake, source, run.id)
    whole = reload or progress.needs_snapshot(found)
    for _ in range(_RELOADS + 1):
        if whole:
            of_one_moment = snapshot.run_snapshot(
                snowflake, found, run, rebuild=reload, confirmed=reload or confirmed
            )
            if of_one_moment:
                return
            # Its parts are of different moments: whoever called expects the table as
            # it is now.
            run.begin("increment", now())
            found = _by_keys_alone(read.read_state(snowflake, run.table))
            link = capture.bring_up_to_date(snowflake, source, run.id)
            first = None
        outcome = _run(snowflake, found, run, source, link, confirmed, first)
        first = None
        found = outcome.state
        if outcome.complete:
            break
        whole = True
        run.forget_or_begin("snapshot", now())
    else:
        raise LambdaError("columns_changed", "The table changes faster than it loads.")
    _compare(snowflake, outcome, run, confirmed)


def _by_keys_alone(found: TableState) -> TableState:
    """A table that was read just now is not read as a whole again for its many keys."""
    settings = dataclasses.replace(found.settings, whole_table_percent=0)
    return dataclasses.replace(found, settings=settings)


def _compare(snowflake: Snowflake, outcome: Outcome, run: Run, confirmed: bool) -> None:
    """Compares all keys if no key tells which rows are gone, or if it is due.

    What the table was is remembered only then: a run that dies before it comes back.
    """
    found, identity = outcome.state, outcome.identity
    if identity is None and not confirmed and not keys.is_due(found):
        return
    run.begin("key_compare", now())
    after = keys.compare_keys(snowflake, found, run, confirmed=confirmed)
    if identity is not None and outcome.upto is not None and after.ledger is not None:
        position = _position(after.ledger, identity, outcome.upto)
        _note_position(snowflake, after, run, refined(position, outcome.read_at))


def _run(
    snowflake: Snowflake,
    found: TableState,
    run: Run,
    source: LogSource,
    link: Link,
    confirmed: bool,
    first: Extracted | None,
) -> Outcome:
    """Reads and commits windows until the end of the chain.

    Args:
        first: The first window, if it has been extracted already.

    Raises:
        SyncError: Windows that were committed stay; the next run goes on behind them.
    """
    after = log_plan.position(found, link)
    if after is None:
        return Outcome(found, complete=False)
    pending = _pending(snowflake, found, source, link, after)
    due = log_plan.due(found, link, pending)
    if due is None:
        return Outcome(found, complete=False)
    if due.truncated and found.settings.on_truncate == "fail" and not confirmed:
        raise UsageError("truncated", "The table was emptied in the source.")
    windows = _Windows(snowflake, found, run, due, first)
    for piece in due.pieces:
        if not windows.read(piece, last=piece is due.pieces[-1]):
            return Outcome(windows.state, complete=False)
    windows.end()
    identity = windows.identity if windows.compare else None
    return Outcome(windows.state, True, due.pieces[-1], identity, windows.read_at)


def _pending(
    snowflake: Snowflake, found: TableState, source: LogSource, link: Link, after: int
) -> list[Changed]:
    """Returns what the table has not yet of the chain.

    Raises:
        LambdaError: The latest capture says that the log does not tell the table.
    """
    name = found.settings.name
    pending = capture.read_pending(snowflake, source.name, link, {name: after})[name]
    require_told(pending, link)
    return pending


def require_told(pending: Sequence[Changed], link: Link) -> None:
    """Refuses a table whose changes the log does not tell by now.

    Raises:
        LambdaError: As the latest capture says it.
    """
    refused = records.refusal(pending, link.version)
    if refused is not None and refused.error is not None:
        code, message, retryable, hint = refused.error
        raise LambdaError(code, message, retryable=retryable, hint=hint)


class _Windows:
    """The windows of one run, one after the other.

    Attributes:
        compare: All keys have to be compared before `identity` may be remembered.
        identity: What the table was in the last window.
        read_at: The source's clock at the last window.
    """

    def __init__(
        self,
        snowflake: Snowflake,
        found: TableState,
        run: Run,
        due: log_plan.Due,
        first: Extracted | None = None,
    ) -> None:
        if found.ledger is None or found.ledger.log_identity is None:
            raise ValueError("changed keys are read behind a commit")
        self._snowflake = snowflake
        self._found = found
        self._run = run
        self._job = Job(found.settings, run.id, run.purpose)
        self._course = Course(found.ledger, found.shape)
        self._truncated = due.truncated
        # None once a window is committed: the others are read as it was.
        self._more_keys: int | None = due.more_keys
        self._first = first
        self._remembered = found.ledger.log_identity
        self.identity = self._remembered
        self.compare = False
        self.read_at = ""

    @property
    def state(self) -> TableState:
        """As the last commit left it."""
        return dataclasses.replace(
            self._found, ledger=self._course.ledger, shape=self._course.shape
        )

    def read(self, piece: Piece, *, last: bool) -> bool:
        """Reads and commits one window; False: the table has to be read as a whole."""
        first, self._first = self._first, None
        if first is None:
            reply = self._extract(piece)
        else:
            reply = first.reply
            note_window(self._run, piece.lsn, reply, reply.seconds)
        if reply is None or reply.log is None or reply.log.moved:
            return False
        aligned = increment.look_at_target(
            self._snowflake, self._job, self._course, reply
        )
        if aligned is not None and aligned.missing_values:
            return False
        self._note_identity(reply.log)
        self.read_at = reply.extracted_at
        commit = self._commit(piece, reply)
        ends = last and not self.compare
        if reply.files:
            if first is None or not first.staged:
                increment.stage_window(
                    self._snowflake, self._job, self._run, self._course, reply
                )
            work = self._transfer(reply, commit, last=ends)
            increment.committed(
                self._course, transfer.commit(self._snowflake, self._run, work)
            )
        else:
            self._note_nothing_new(piece, reply, commit)
        self._more_keys = None
        return True

    def end(self) -> None:
        """Drops what was staged, and records the run unless its last commit did."""
        run = self._run
        if self._job.staging in run.staged:
            transfer.drop_staging(self._snowflake, run, self._job)
        if not run.recorded:
            status = "succeeded" if run.tally.rows else "unchanged"
            write.record_run(self._snowflake, run, status)

    def _extract(self, piece: Piece) -> ExtractReply | None:
        """Asks for the rows of a window; None if they do not fit into one."""
        started = time.monotonic()
        # A run may come here more than once; each time its parts are new.
        number = self._snowflake.statements
        request = requests.changes_request(
            self._found.settings,
            self._run.id,
            f"log-{number:05d}",
            files=piece.files,
            known=self.identity,
            truncated=self._truncated,
            more_keys=self._more_keys,
        )
        try:
            reply = ask.ask(self._snowflake, request, ExtractReply)
        except LambdaError as error:
            if error.code != "window_too_large":
                raise
            return None
        if reply.log is None:
            raise LambdaError("reply_invalid", "The reply says nothing of the log.")
        note_window(self._run, piece.lsn, reply, time.monotonic() - started)
        return reply

    def _note_identity(self, log: LogBound) -> None:
        self.identity = log.identity
        # Rows that are gone stay in the target: nothing has to be compared for them.
        self.compare |= log.compare and self._found.settings.deletes != "none"

    def _commit(self, piece: Piece, reply: ExtractReply) -> Commit:
        course = self._course
        return Commit(
            version=course.ledger.version + 1,
            kind="increment",
            bound=Bound(CursorValue(piece.lsn, LOG_POSITION)),
            columns_sha256=course.digest or course.ledger.columns_sha256,
            rows=reply.rows,
            altered=reply.altered,
            capture_version=piece.version,
            log_identity=self._remembered if self.compare else self.identity,
            target_rows=course.ledger.target_rows,
        )

    def _transfer(self, reply: ExtractReply, commit: Commit, *, last: bool) -> Transfer:
        if self._course.aligned is None:
            raise ValueError("the target was not looked at")
        return Transfer(
            job=self._job,
            aligned=self._course.aligned,
            key=reply.key,
            extracted_at=reply.extracted_at,
            write=merge.merger(self._course.ledger.target_rows),
            based_on=self._course.ledger.version,
            source=target.source_of(reply),
            described=reply.described,
            commit=commit,
            shape=self._course.shape,
            last=last,
            # That a history is asked for is seen as columns are that have changed.
            begins=self._course.drifted,
        )

    def _note_nothing_new(
        self, piece: Piece, reply: ExtractReply, commit: Commit
    ) -> None:
        """Without rows the position moves only if that spares something later.

        Then it is true whoever says it, so that it takes no version.
        """
        ledger = self._course.ledger
        seen = piece.version - (ledger.capture_version or 0)
        if self._course.drifted:
            work = self._transfer(reply, commit, last=False)
            done = transfer.commit_columns(self._snowflake, self._run, work)
            increment.committed(self._course, done)
        elif commit.log_identity != ledger.log_identity or seen > CAPTURES_UNNOTED:
            moved = refined(commit, reply.extracted_at)
            _note_position(self._snowflake, self._found, self._run, moved)
            done = transfer.Done(self._course.aligned, moved)
            increment.committed(self._course, done)


def note_window(run: Run, upto: str, reply: ExtractReply, seconds: float) -> None:
    """Adds a window of changed keys to the tally of a run."""
    tally = run.tally
    run.note(
        windows=tally.windows + 1,
        rows=tally.rows + reply.rows,
        files=tally.files + len(reply.files),
        bytes=tally.bytes + reply.bytes,
        watermark=upto,
        warnings=tally.warnings
        + tuple((w.code, w.message, w.hint) for w in reply.warnings),
    )
    note_extract(run, seconds)


def _position(ledger: Ledger, identity: LogIdentity, upto: Piece) -> Commit:
    """Returns the commit of what the table was, behind all that its windows have read.

    That may be further than the last commit with rows: a capture that says that the
    table was emptied is done with once its keys are compared.
    """
    return Commit(
        version=ledger.version + 1,
        kind="increment",
        bound=Bound(CursorValue(upto.lsn, LOG_POSITION)),
        columns_sha256=ledger.columns_sha256,
        rows=0,
        capture_version=upto.version,
        log_identity=identity,
        target_rows=ledger.target_rows,
    )


def _note_position(
    snowflake: Snowflake, found: TableState, run: Run, commit: Commit
) -> None:
    """Appends a row that changes nothing of the target; see docs/FENCING.md."""
    write.record_commit(snowflake, found.settings, run.id, commit)
