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
import time
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.catalog import SourceColumn, SourceTable, read_sequence
from lambda_extract.contract import (
    Bound,
    CursorSpec,
    CursorValue,
    Overlap,
    PendingBound,
    Window,
)
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.postgres import APPLICATION_PREFIX, Database
from lambda_extract.query import typed
from lambda_extract.types import CURSOR_TYPES

# Short beside the time of a snapshot, long beside that of a statement.
POLL_SECONDS = 0.1
INTEGER = "bigint"
DATE = "date"
LOCAL = "timestamp without time zone"
INSTANT = "timestamp with time zone"


@dataclass(frozen=True)
class Cursor:
    """A cursor column that was found fit.

    Attributes:
        family: The type in which values are compared and travel.
        precision: Digits of a second that a timestamp(p) keeps.
    """

    spec: CursorSpec
    column: SourceColumn
    family: str
    precision: int = 6

    @property
    def name(self) -> sql.Identifier:
        """The quoted column."""
        return sql.Identifier(self.spec.column)

    @property
    def has_lookback(self) -> bool:
        """True where the table reads behind its watermark again."""
        if self.family == INTEGER:
            return self.spec.lookback_values is not None
        return self.spec.lookback_seconds is not None

    def literal(self, value: CursorValue) -> sql.Composable:
        """Returns a watermark as a typed literal.

        Raises:
            RequestError: cursor_type_unsupported, where the column's type has changed.
        """
        if value.type != self.family:
            raise RequestError(
                "cursor_type_unsupported",
                f"The watermark is of type {value.type!r}, but column"
                f" {self.spec.column!r} is now {self.column.type!r}.",
                hint="CALL RESYNC_TABLE for this table.",
            )
        return typed(value.value, self.family)

    def read_from(
        self, watermark: CursorValue | None, *, look_back: bool = True
    ) -> sql.Composable | None:
        """Returns the exclusive lower end of what a sync with this watermark reads."""
        if watermark is None:
            return None
        end = self.literal(watermark)
        if not (look_back and self.has_lookback):
            return end
        if self.family == INTEGER:
            return sql.SQL("({} - {}::bigint)").format(
                end, sql.Literal(self.spec.lookback_values)
            )
        return sql.SQL("({} - {})").format(end, _interval(self.spec.lookback_seconds))


@dataclass(frozen=True)
class Proof:
    """What was seen before the snapshot.

    Attributes:
        taken_at: PostgreSQL's clock (timestamptz text).
        oldest: Start of the oldest open transaction that may write, None where none is.
        prepared: A prepared transaction is open.
        visible: Other sessions' transactions could be seen at all.
        maximum: Integer cursors: the largest value seen before `taken_at`.
        pending_proven: The request's pending bound holds by now.
    """

    taken_at: str
    oldest: str | None = None
    prepared: bool = False
    visible: bool = True
    maximum: int | None = None
    pending_proven: bool = False


@dataclass(frozen=True)
class IntegerBound:
    """Outcome for an integer cursor: what is proven, and what waits to be."""

    proven: int | None
    pending: PendingBound | None


def check_cursor(database: Database, table: SourceTable, spec: CursorSpec) -> Cursor:
    """Finds the cursor column and refuses what cannot be proven.

    Raises:
        SourceError: cursor_not_found, cursor_type_unsupported, sequence_cache.
    """
    column = table.column(spec.column)
    where = f"{table.spec.schema}.{table.spec.relation}"
    if column is None:
        raise SourceError(
            "cursor_not_found", f"{where} has no cursor column {spec.column!r}."
        )
    known = column.base.schema == "pg_catalog"
    family = CURSOR_TYPES.get(column.base.name) if known else None
    if family is None:
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {spec.column!r} of {where} has type {column.type!r}.",
        )
    precision = column.base.modifier if column.base.name.startswith("timestamp") else 6
    cursor = Cursor(spec, column, family, 6 if precision < 0 else precision)
    if family == INTEGER and not cursor.has_lookback:
        _check_sequence(database, table, column)
    return cursor


def read_proof(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    pending: PendingBound | None = None,
) -> Proof:
    """Reads the proof. Call it before the snapshot exists, in autocommit.

    Raises:
        SourceError: cannot_see_transactions, unless a lookback replaces the proof.
    """
    maximum = None
    if cursor.family == INTEGER:
        (maximum,) = database.row(
            sql.SQL("SELECT pg_catalog.max({}) FROM {}").format(cursor.name, table.name)
        )
    proof = _read_transactions(database, maximum, pending)
    if not proof.visible and not cursor.has_lookback:
        raise SourceError(
            "cannot_see_transactions",
            "The open transactions of other sessions cannot be seen: the role lacks"
            " pg_read_all_stats, or the server is a read replica.",
        )
    return proof


def wait_for_proof(
    database: Database,
    table: SourceTable,
    cursor: Cursor,
    *,
    seconds: float,
) -> tuple[Proof, PendingBound | None]:
    """Reads the proof; waits a while for an integer maximum to be proven.

    Most transactions are short, and a snapshot without a proven maximum makes the next
    sync read the whole table once more. Call it before the snapshot, in autocommit.

    Args:
        seconds: How long to wait at most.

    Returns:
        The proof, and the maximum that it proves or that stays pending.

    Raises:
        SourceError: cannot_see_transactions, unless a lookback replaces the proof.
    """
    proof = read_proof(database, table, cursor)
    if proof.maximum is None or (proof.oldest is None and not proof.prepared):
        return proof, None
    pending = PendingBound(str(proof.maximum), proof.taken_at)
    end = time.monotonic() + seconds
    while not proof.pending_proven and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        proof = read_proof(database, table, cursor, pending)
    return proof, pending


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
    if cursor.family == INTEGER:
        return None if proven is None else typed(str(proven), INTEGER)
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
        position: Cursor of the last row that was read, None where there was none.
    """
    pending = None
    proven = None
    if cursor.family == INTEGER and proof.visible:
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


def _check_sequence(
    database: Database, table: SourceTable, column: SourceColumn
) -> None:
    sequence = read_sequence(database, table, column)
    if sequence is None:
        return
    if sequence.cache > 1:
        raise SourceError(
            "sequence_cache",
            f"Cursor column {column.name!r} is fed by a sequence with CACHE"
            f" {sequence.cache}: sessions hand out its values out of order.",
        )
    if sequence.increment < 0 or sequence.cycles:
        raise SourceError(
            "cursor_type_unsupported",
            f"Cursor column {column.name!r} is fed by a sequence that counts down or"
            " cycles.",
        )


def _read_transactions(
    database: Database, maximum: int | None, pending: PendingBound | None
) -> Proof:
    """Reads the clock and the open transactions.

    statement_timestamp() was taken when the statement arrived, so it lies before the
    look at pg_stat_activity whatever order the executor chooses. Sessions of this very
    program only ever read, so they hold nothing back; their role must match too,
    because anybody may choose an application_name.
    """
    seen_at = (
        typed(pending.seen_at, "timestamptz")
        if pending
        else sql.SQL("NULL::timestamptz")
    )
    statement = sql.SQL("""
        SELECT
            pg_catalog.statement_timestamp()::text,
            o.oldest::text,
            p.open,
            pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
                AND NOT pg_catalog.pg_is_in_recovery(),
            COALESCE(
                (o.oldest IS NULL OR o.oldest > {seen_at})
                AND (p.oldest IS NULL OR p.oldest > {seen_at})
                AND {seen_at} IS NOT NULL,
                FALSE
            )
        FROM (
            SELECT pg_catalog.min(a.xact_start) AS oldest
            FROM pg_catalog.pg_stat_activity AS a
            WHERE a.datname = pg_catalog.current_database()
                AND a.pid <> pg_catalog.pg_backend_pid()
                AND a.backend_type NOT IN (
                    'autovacuum launcher', 'autovacuum worker', 'walsender',
                    'parallel worker'
                )
                AND NOT (
                    a.usename = current_user
                    AND pg_catalog.starts_with(a.application_name, {own})
                )
        ) AS o
        CROSS JOIN (
            SELECT
                pg_catalog.count(*) > 0 AS open,
                -- When it began is not known, only when it was prepared.
                CASE WHEN pg_catalog.count(*) > 0 THEN '-infinity'::timestamptz END
                    AS oldest
            FROM pg_catalog.pg_prepared_xacts AS x
            WHERE x.database = pg_catalog.current_database()
        ) AS p
        """)
    taken_at, oldest, prepared, visible, pending_proven = database.row(
        statement.format(seen_at=seen_at, own=sql.Literal(APPLICATION_PREFIX))
    )
    return Proof(
        taken_at=taken_at,
        oldest=oldest,
        prepared=prepared,
        visible=visible,
        maximum=maximum,
        pending_proven=pending_proven,
    )


def _interval(seconds: float | None) -> sql.Composable:
    return sql.SQL("pg_catalog.make_interval(secs => {})").format(
        sql.Literal(float(seconds or 0.0))
    )


def _safe_time(cursor: Cursor, proof: Proof) -> sql.Composable:
    """Returns the moment before which every transaction has ended, as a cursor value.

    A row may carry exactly the start of its transaction, and the next sync reads only
    what is greater: hence a microsecond less, PostgreSQL's smallest step. timestamp(p)
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
    instant = sql.SQL("({} - {})").format(instant, _interval(margin))
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
