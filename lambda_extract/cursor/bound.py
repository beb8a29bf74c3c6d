"""How far the watermark may move: the proof that no row is left behind it.

A row's cursor value is taken inside its transaction, but the row is seen only after the
commit. So the start of the oldest transaction still open bounds what is proven. The
order of the statements is the proof:

    1. (integer cursors) the maximum M,
    2. the clock and the open transactions, in a statement of its own,
    3. the snapshot that is read.

A transaction that ends between 2 and 3 was listed, and its rows are visible as well;
one that begins after 2 has cursor values later than the clock. Taken in any other
order, a transaction that commits in between is neither listed nor visible, and its rows
are lost.
"""

import math
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import (
    Bound,
    CursorValue,
    Overlap,
    PendingBound,
    Window,
)
from lambda_extract.cursor.column import DATE, INSTANT, Cursor, check_number, interval
from lambda_extract.cursor.proof import Proof
from lambda_extract.rows.query import typed
from lambda_extract.source.database import Database


@dataclass(frozen=True)
class IntegerBound:
    """Outcome for an integer cursor: what is proven, and what waits to be."""

    proven: int | None
    pending: PendingBound | None


def integer_bound(proof: Proof, pending: PendingBound | None) -> IntegerBound:
    """Decides an integer cursor's bound. Pure.

    A maximum is proven once every transaction open when it was seen has ended. What is
    not proven yet is kept as it is: replacing it by a newer one could go on forever.
    """
    proven = int(pending.value) if pending and proof.pending_proven else None
    if proof.oldest is None and not proof.prepared:
        if proof.maximum is not None:
            proven = max(proof.maximum, proof.maximum if proven is None else proven)
        return IntegerBound(proven, None)
    if pending is not None and not proof.pending_proven:
        return IntegerBound(proven, pending)
    if proof.maximum is None or proof.maximum == proven:
        return IntegerBound(proven, None)
    return IntegerBound(proven, PendingBound(str(proof.maximum), proof.taken_at))


def ceiling(cursor: Cursor, proof: Proof, proven: int | None) -> sql.Composable | None:
    """Returns the expression that the watermark must not pass; None: nothing is proven.

    A lookback without visible transactions proves everything that was read: the next
    sync reads that far behind it again.
    """
    if not proof.visible:
        return sql.SQL("NULL::{}").format(sql.SQL(cursor.family))
    if cursor.counts:
        return None if proven is None else typed(str(proven), cursor.family)
    if proof.prepared:
        return None
    return _safe_time(cursor, proof)


def settle(
    database: Database,
    *,
    cursor: Cursor,
    proof: Proof,
    window: Window,
    position: CursorValue | None,
) -> Bound:
    """Returns how far the watermark moves after a window was read to `position`.

    Args:
        window: The request's window; its lower end is the watermark so far.
        position: Cursor of the last row that was read, None if there was none.
    """
    pending = None
    proven = None
    if position is not None:
        # It may have come after the proof was read.
        check_number(cursor, position.value)
    if cursor.counts and proof.visible:
        outcome = integer_bound(proof, window.pending_bound)
        proven, pending = outcome.proven, outcome.pending
    limit = ceiling(cursor, proof, proven)
    if position is None or limit is None:
        held_back = position is not None and position != window.lower
        return Bound(
            watermark=window.lower,
            pending_bound=pending,
            held_back=held_back,
            oldest_transaction=proof.oldest if held_back else None,
        )
    # GREATEST and LEAST ignore NULL: no lower end, or no limit.
    lower = cursor.literal(window.lower) if window.lower else sql.SQL("NULL")
    watermark, held_back = database.row(
        sql.SQL("""
            SELECT w.watermark::text, w.watermark < {position}
            FROM (
                SELECT GREATEST({lower}, LEAST({position}, {limit}))::{family}
            ) AS w (watermark)
            """).format(
            lower=lower,
            position=cursor.literal(position),
            limit=limit,
            family=sql.SQL(cursor.family),
        )
    )
    return Bound(
        watermark=CursorValue(watermark, cursor.family),
        pending_bound=pending,
        held_back=held_back,
        oldest_transaction=proof.oldest if held_back else None,
    )


def with_overlap(bound: Bound, overlap: Overlap | None) -> Bound:
    """Returns the bound with the identity of the rows beyond its watermark."""
    return Bound(
        watermark=bound.watermark,
        pending_bound=bound.pending_bound,
        held_back=bound.held_back,
        oldest_transaction=bound.oldest_transaction,
        overlap=overlap,
    )


def _safe_time(cursor: Cursor, proof: Proof) -> sql.Composable:
    """Returns the moment before which every transaction has ended, as a cursor value.

    A row may carry exactly the start of its transaction, and the next sync reads only
    what is greater: so a microsecond less, PostgreSQL's smallest step. timestamp(p)
    rounds, so that a value may even lie before the transaction's start.
    """
    margin = cursor.spec.margin_seconds + 1e-6
    if cursor.precision < 6:
        margin += math.pow(10, -cursor.precision)
    taken = typed(proof.taken_at, "timestamptz")
    instant = taken
    if proof.oldest is not None:
        instant = sql.SQL("LEAST({}, {})").format(
            taken, typed(proof.oldest, "timestamptz")
        )
    instant = sql.SQL("({} - {})").format(instant, interval(margin))
    if cursor.family == INSTANT:
        return instant
    local = _local_time(instant, taken, cursor.spec.time_zone)
    if cursor.family == DATE:
        return sql.SQL("({}::date - 1)").format(local)
    return local


def _local_time(
    instant: sql.Composable, taken: sql.Composable, zone: str
) -> sql.Composable:
    """Returns an instant as local time, by the smallest offset of the next 24 hours.

    When clocks go back, rows of the repeated hour carry smaller local times than rows
    before them; the smaller offset keeps the watermark below both.
    """
    offset = sql.SQL("(({at} AT TIME ZONE {zone}) - ({at} AT TIME ZONE 'UTC'))")
    moments = (
        instant,
        taken,
        sql.SQL("({} + interval '24 hours')").format(taken),
    )
    offsets = [offset.format(at=at, zone=sql.Literal(zone)) for at in moments]
    return sql.SQL("(({} AT TIME ZONE 'UTC') + LEAST({}))").format(
        instant, sql.SQL(", ").join(offsets)
    )
