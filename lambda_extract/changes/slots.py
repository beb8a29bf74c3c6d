"""A replication slot: its state, its confirmation, what it has, what is visible of it.

The slot is only ever peeked at, bounded by a position. It is confirmed by the next
capture, once Snowflake has recorded this one, so that a death anywhere reads the same
again.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import LogSpec, SlotState
from lambda_extract.errors import SourceError
from lambda_extract.source.database import Database

PLUGIN = "pgoutput"
# Before it pgoutput knows no streaming (protocol 2).
_OLDEST_VERSION = 140_000
# Of slots that are read, confirmed and dropped: others have consumers of their own.
OWN_PREFIX = "aurora_sync"
_POLL_SECONDS = 0.05
_HALF = 1 << 31
_ALL = 1 << 32
# What PostgreSQL says of slots, publications and decoding, by SQLSTATE.
_CODES = {
    "55006": "slot_active",
    "42501": "log_permission",
    "55000": "slot_lost",
    "57014": "capture_too_large",
    "53400": "capture_too_large",
    "53100": "capture_too_large",
}


@dataclass(frozen=True)
class Slot:
    """A slot that may be read.

    Attributes:
        confirmed: What is behind it comes again.
        flush: The end of the log when it was looked at.
        server: System identifier and timeline; empty: may not be read.
    """

    state: SlotState
    confirmed: int
    flush: int
    server: str


def lsn_number(text: str) -> int:
    """Returns a position of the log as a number. Pure.

    Raises:
        ValueError: It is none.
    """
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(number: int) -> str:
    """Returns a position of the log as PostgreSQL writes it. Pure."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


def read_slot(database: Database, log: LogSpec, *, create: bool = False) -> Slot:
    """Looks at a slot.

    Args:
        create: Create it if there is none.

    Raises:
        SourceError: source_is_replica, log_not_enabled, log_permission, slot_missing,
            slot_lost, slot_foreign, slot_active.
    """
    _check_name(log)
    _check_server(database)
    found = _read(database, log)
    if found is None and create:
        _create(database, log)
        found = _read(database, log)
    if found is None:
        raise SourceError(
            "slot_missing", f"The server has no replication slot {log.slot!r}."
        )
    return found


def confirm(database: Database, log: LogSpec, slot: Slot, position: int) -> None:
    """Tells the slot that everything before `position` is recorded; twice.

    The first call moves restart_lsn by one candidate only, so that gigabytes of WAL
    may stay; the second one, of the same position, lets them go.

    Raises:
        SourceError: slot_active, slot_lost.
    """
    if slot.confirmed >= position:
        return
    advance = sql.SQL(
        "SELECT end_lsn::text"
        " FROM pg_catalog.pg_replication_slot_advance({slot}, {lsn}::pg_lsn)"
    ).format(slot=sql.Literal(log.slot), lsn=sql.Literal(lsn_text(position)))
    for _ in range(2):
        told(lambda: database.rows_committed(advance))


def peek(
    database: Database, log: LogSpec, upto: int, take: Callable[[bytes], object]
) -> None:
    """Hands over each message of the slot up to a position; the slot stays.

    COPY in binary spares the server the text form of each message; streaming spares it
    to write large transactions to its disk.

    Raises:
        SourceError: capture_too_large, slot_active, slot_lost, not_published.
    """
    statement = sql.SQL("""
        COPY (
            SELECT data
            FROM pg_catalog.pg_logical_slot_peek_binary_changes(
                {slot}, {upto}::pg_lsn, NULL,
                'proto_version', '2', 'streaming', 'on',
                'publication_names', {publication}
            )
        ) TO STDOUT (FORMAT binary)
        """).format(
        slot=sql.Literal(log.slot),
        upto=sql.Literal(lsn_text(upto)),
        publication=sql.Literal('"' + log.publication.replace('"', '""') + '"'),
    )
    try:
        told(lambda: database.copy_alone(statement, _Rows(take)))
    except SourceError as error:
        if error.sqlstate == "42704":
            raise SourceError(
                "not_published",
                f"Publication {log.publication!r} does not exist, or is younger than"
                " the slot.",
                hint="CREATE PUBLICATION (CALL LOG_SETUP prints it), then CALL"
                " RESYNC_SOURCE with the source, which makes the slot anew.",
            ) from None
        raise


def wait_until_visible(
    database: Database, transactions: Collection[int], *, seconds: float
) -> None:
    """Waits until every new snapshot sees what these transactions have committed.

    A commit is in the log before it is visible: for microseconds, or for as long as a
    synchronous standby does not answer. A row that was read in between would be the old
    one, and nothing would ever read it again.

    Raises:
        SourceError: commit_not_visible.
    """
    end = time.monotonic() + seconds
    left = set(transactions)
    while left:
        (text,) = database.row(sql.SQL("SELECT pg_catalog.pg_current_snapshot()::text"))
        left = {number for number in left if not is_visible(number, text)}
        if left and time.monotonic() > end:
            raise SourceError(
                "commit_not_visible",
                f"{len(left)} transaction(s) of the log are not visible yet.",
            )
        if left:
            time.sleep(_POLL_SECONDS)


def is_visible(transaction: int, snapshot: str) -> bool:
    """Returns whether a snapshot sees what a committed transaction has done. Pure.

    Args:
        transaction: 32-bit number.
        snapshot: pg_snapshot's text, xmin:xmax:xip, of 64-bit numbers.
    """
    _, upper, running = snapshot.split(":")
    behind = (int(upper) - transaction) % _ALL
    if behind == 0 or behind >= _HALF:
        return False
    return transaction not in {int(x) % _ALL for x in running.split(",") if x}


def drop(database: Database, log: LogSpec) -> bool:
    """Drops a slot; returns whether there was one.

    Raises:
        SourceError: slot_foreign, slot_active, log_permission.
    """
    _check_name(log)
    found = database.rows(_query(log))
    if not found:
        return False
    _check_own(log, found[0])
    told(
        lambda: database.rows_committed(
            sql.SQL("SELECT pg_catalog.pg_drop_replication_slot({})").format(
                sql.Literal(log.slot)
            )
        )
    )
    return True


def told(work: Callable[[], object]) -> None:
    """Does work; PostgreSQL's errors become those that slots have.

    Raises:
        SourceError: slot_active, slot_lost, log_permission, capture_too_large, ...
    """
    try:
        work()
    except SourceError as error:
        code = _CODES.get(error.sqlstate)
        if code is None:
            raise
        found = SourceError(code, error.message)
        found.sqlstate = error.sqlstate
        raise found from None


def _check_server(database: Database) -> None:
    replica, level, allowed, role = database.row(sql.SQL("""
        SELECT
            pg_catalog.pg_is_in_recovery(),
            pg_catalog.current_setting('wal_level'),
            (
                SELECT r.rolsuper OR r.rolreplication OR EXISTS (
                    SELECT 1
                    FROM pg_catalog.pg_roles AS g
                    WHERE g.rolname IN ('rds_replication', 'rds_superuser')
                        AND pg_catalog.pg_has_role(r.oid, g.oid, 'USAGE')
                )
                FROM pg_catalog.pg_roles AS r
                WHERE r.rolname = current_user
            ),
            current_user::text
        """))
    if replica:
        raise SourceError("source_is_replica", "The server is a reader (in recovery).")
    if database.server_version < _OLDEST_VERSION:
        major = database.server_version // 10_000
        raise SourceError(
            "log_not_enabled",
            f"The log of PostgreSQL {major} cannot be read:"
            " mode log needs 14 or newer.",
            hint='Upgrade the server, or give the tables another "mode".',
        )
    if level != "logical":
        raise SourceError("log_not_enabled", f"wal_level of the server is {level!r}.")
    if not allowed:
        raise SourceError(
            "log_permission", f"Role {role!r} may not read the log (REPLICATION)."
        )


def _query(log: LogSpec) -> sql.Composable:
    # Columns that a version lacks are NULL in the document.
    return sql.SQL("""
        SELECT
            s.plugin::text,
            s.database = pg_catalog.current_database(),
            COALESCE((pg_catalog.to_jsonb(s) ->> 'two_phase')::boolean, FALSE),
            s.active,
            s.active_pid,
            s.wal_status,
            s.confirmed_flush_lsn::text,
            s.restart_lsn::text,
            s.safe_wal_size,
            COALESCE(pg_catalog.age(s.catalog_xmin), 0),
            pg_catalog.pg_current_wal_flush_lsn()::text,
            COALESCE(
                pg_catalog.pg_wal_lsn_diff(
                    pg_catalog.pg_current_wal_flush_lsn(), s.restart_lsn
                ),
                0
            )::bigint,
            (
                SELECT pg_catalog.min(a.xact_start)::text
                FROM pg_catalog.pg_stat_activity AS a
                WHERE a.backend_xid IS NOT NULL
            ),
            pg_catalog.to_jsonb(s) ->> 'invalidation_reason'
        FROM pg_catalog.pg_replication_slots AS s
        WHERE s.slot_name = {slot}
        """).format(slot=sql.Literal(log.slot))


def _read(database: Database, log: LogSpec) -> Slot | None:
    rows = database.rows(_query(log))
    if not rows:
        return None
    row = rows[0]
    _check_own(log, row)
    _, _, _, active, pid, status, confirmed, restart, safe, age = row[:10]
    flush, retained, oldest, reason = row[10:]
    if status == "lost" or confirmed is None or restart is None or reason:
        raise SourceError(
            "slot_lost", f"Replication slot {log.slot!r} is lost ({reason or status})."
        )
    if active:
        raise SourceError(
            "slot_active", f"Session {pid} reads replication slot {log.slot!r}."
        )
    state = SlotState(
        confirmed_lsn=confirmed,
        restart_lsn=restart,
        flush_lsn=flush,
        retained_bytes=retained,
        wal_status=status or "",
        safe_wal_bytes=-1 if safe is None else int(safe),
        catalog_xmin_age=age,
        oldest_transaction=oldest,
    )
    server = _read_server(database)
    return Slot(state, lsn_number(confirmed), lsn_number(flush), server)


def _check_name(log: LogSpec) -> None:
    """Refuses the slot of another consumer, whatever plugin it has.

    The name comes from a configuration of Snowflake's side. To confirm the slot of
    somebody else would lose their changes, and to drop it their place.
    """
    if not log.slot.startswith(OWN_PREFIX):
        raise SourceError(
            "slot_foreign",
            f"Replication slot {log.slot!r} is not the product's: its name does not"
            f" begin with {OWN_PREFIX}.",
        )


def _check_own(log: LogSpec, row: tuple[object, ...]) -> None:
    plugin, here, two_phase = row[:3]
    if plugin != PLUGIN or not here or two_phase:
        raise SourceError(
            "slot_foreign",
            f"Replication slot {log.slot!r} is of another plugin or database, or was"
            " made with two_phase.",
        )


def _read_server(database: Database) -> str:
    """Returns system identifier and timeline; empty if they may not be read.

    The timeline is that of the WAL that is written: the one of the last checkpoint is
    still the old one just after a promotion.
    """
    try:
        system, file = database.row(sql.SQL("""
            SELECT
                s.system_identifier::text,
                pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())
            FROM pg_catalog.pg_control_system() AS s
            """))
    except SourceError as error:
        if error.code in ("source_unreachable", "window_too_large"):
            raise
        return ""
    return f"{system}:{file[:8]}"


def _create(database: Database, log: LogSpec) -> None:
    create = sql.SQL(
        "SELECT lsn::text" " FROM pg_catalog.pg_create_logical_replication_slot({}, {})"
    ).format(sql.Literal(log.slot), sql.Literal(PLUGIN))
    told(lambda: database.rows_committed(create))


class _Rows:
    """Takes the rows of COPY in binary: one value each, behind a header once."""

    _HEADER = b"PGCOPY\n\xff\r\n\0"

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def write(self, row: bytes) -> int:
        # The number of values (-1: the end), and the length of this one.
        if row[:2] == b"\0\x01":
            self._take(row[6:])
        elif row.startswith(self._HEADER):
            self.write(row[19 + int.from_bytes(row[15:19], "big") :])
        return len(row)
