"""PURE: where a run stands between two requests, and what comes next."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from lambda_extract.contract import (
    Bound,
    CursorValue,
    ExtractReply,
    Partition,
    PlanReply,
    SourceIdentity,
)
from snowpark.errors import SyncError, UsageError
from snowpark.ledger.records import TableState
from snowpark.settings import origin

# A window is halved when it does not fit into the time of one extraction. Below this a
# smaller one is not the answer: the rows or the index are.
SMALLEST_WINDOW = 1_000


@dataclass(frozen=True)
class Progress:
    """Where an increment stands between two windows.

    Attributes:
        position: Exclusive lower end of the next window.
        bound: What the ledger may say: proven, even if later windows were read.
        frozen: True once a window was held back: later windows read on, but the proof
            has a gap behind them, so the watermark of this run stays.
        chunk_rows: Rows of the next window.
        windows: Extractions asked for so far; names their S3 prefixes.
        attempt: Increments of the same run before.
        end: Inclusive upper end of all windows after the first, taken with the first:
            a run ends, however fast others write.
        source_identity: What the source was when it was read last.
    """

    position: CursorValue | None
    bound: Bound
    chunk_rows: int
    frozen: bool = False
    windows: int = 0
    attempt: int = 0
    end: CursorValue | None = None
    source_identity: SourceIdentity | None = None


def needs_snapshot(state: TableState) -> bool:
    """Returns whether the table has to be read as a whole.

    Raises:
        UsageError: "origin_changed": the target was loaded from another table or
            cursor.
    """
    if state.settings.mode == "full" or state.ledger is None:
        return True
    if has_new_rules(state):
        return True
    if moved := origin.moves(state.ledger.origin, state.settings.origin):
        raise UsageError(
            "origin_changed",
            "The configuration is another one than the target was loaded by:"
            f" {'; '.join(moved)}.",
        )
    return False


def has_new_rules(state: TableState) -> bool:
    """Returns whether other columns are protected, other rows meant, or blanks trimmed.

    All rows are read again then: what was loaded by the old rules would stay.
    """
    if state.settings.mode == "full" or state.ledger is None:
        return False
    before, after = state.ledger.origin, state.settings.origin
    return before != after and not origin.moves(before, after)


def start(state: TableState, attempt: int = 0) -> Progress:
    """Returns the progress of a run that has read nothing yet."""
    ledger = state.ledger
    if ledger is None:
        raise ValueError("an increment starts from a ledger row")
    bound = Bound(
        watermark=ledger.watermark,
        pending_bound=ledger.pending_bound,
        overlap=ledger.overlap,
    )
    chunk_rows = state.settings.chunk_rows
    return Progress(
        ledger.watermark,
        bound,
        chunk_rows,
        attempt=attempt,
        source_identity=ledger.source_identity,
    )


def advanced(progress: Progress, reply: ExtractReply) -> Progress:
    """Returns the progress after a window was read.

    A window proves its rows up to its own safe bound. If that lies behind the
    window's end, rows may still appear in between: the watermark stays there for the
    whole run, however far the following windows get.
    """
    if reply.bound is None:
        raise SyncError("reply_invalid", "The reply to a window carries no bound.")
    bound = progress.bound if progress.frozen else reply.bound
    if progress.frozen:
        # The overlap belongs to the first held-back window; more was delivered since.
        bound = dataclasses.replace(bound, overlap=None)
    return dataclasses.replace(
        progress,
        position=reply.position or progress.position,
        bound=bound,
        frozen=progress.frozen or (reply.bound.held_back and not reply.complete),
        windows=progress.windows + 1,
        end=progress.end or reply.end,
        source_identity=reply.identity,
    )


def halved(progress: Progress) -> Progress | None:
    """Returns the progress with half the window; None if it is small already."""
    chunk_rows = progress.chunk_rows // 2
    if chunk_rows < SMALLEST_WINDOW:
        return None
    return dataclasses.replace(
        progress, chunk_rows=chunk_rows, windows=progress.windows + 1
    )


def waves(
    plan: PlanReply, done: frozenset[str], max_parallel: int
) -> Sequence[tuple[Partition, ...]]:
    """Returns the parts that are left, as many at a time as the source allows."""
    left = [p for p in plan.partitions if p.part not in done]
    return [
        tuple(left[i : i + max_parallel]) for i in range(0, len(left), max_parallel)
    ]
