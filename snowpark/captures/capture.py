"""A source's log is brought up to date in the ledger: ask, record, again until the end.

    lease    one capture of a source at a time
    ask      Lambda confirms what is recorded, then tells what lies behind
    record   one transaction; the chain's version and the lease are its fence

The slot is never confirmed beyond what is recorded: whatever dies, the next capture
begins where the ledger ends.
"""

import dataclasses
import time
from collections.abc import Mapping

from lambda_extract.contract import CaptureReply, CaptureRequest, DropSlotReply
from snowpark import sql
from snowpark.captures import statements
from snowpark.captures.records import (
    Changed,
    Link,
    LogSource,
    changed_of,
    source_of,
)
from snowpark.errors import LambdaError, LeaseError, SyncError, UsageError
from snowpark.extraction import ask, requests
from snowpark.ledger import lease
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings

# Captures of one call; a longer backlog is the next call's.
_ROUNDS = 8
_SMALLEST_WAL_BYTES = 64_000_000
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 1.0
# The log cannot be read on from where it was, and nobody else is at it. "slot_moved" is
# not one of them: whoever reads the slot would read the new one, too, and each sync
# would read all tables.
_HEALED = ("slot_missing", "slot_lost", "source_replaced")
# A gap that a person has made, who does not want the slot back.
STOPPED = "stopped"


def lease_name(source: str) -> str:
    """Returns the name of the lease of a source's captures."""
    return f"#capture:{source}"


def find_source(snowflake: Snowflake, name: str) -> LogSource:
    """Returns a source with its tables of mode log.

    Raises:
        UsageError: "unknown_log".
    """
    rows = snowflake.run_list(statements.read_log_tables())
    tables = [TableSettings.from_json(str(row[0])) for row in rows]
    found = source_of(name.lower(), tables)
    if found is None:
        known = sorted({table.source for table in tables if table.mode == "log"})
        raise UsageError(
            "unknown_log",
            "No table of mode log belongs to such a source. Sources with such tables:"
            f" {', '.join(known) or 'none'}.",
        )
    return found


def latest(snowflake: Snowflake, source: str) -> Link | None:
    """Returns the latest link of a source's chain; None if there is none."""
    rows = snowflake.run(statements.read_latest_capture(source))
    if not rows:
        return None
    row = rows[0]
    return Link(
        version=int(row["VERSION"]),
        is_gap=row["KIND"] == "gap",
        to_lsn=row["TO_LSN"],
        server=str(row["SERVER"] or ""),
        reason=str(row["REASON"] or ""),
        run_id=str(row["RUN_ID"]),
        oldest=int(row["OLDEST"]),
        open_transaction=row["OPEN_TRANSACTION"],
    )


def own(snowflake: Snowflake, source: LogSource, run_id: str) -> Link | None:
    """Returns the end of the chain if this run has recorded it; None if not."""
    link = latest(snowflake, source.name)
    return link if link is not None and link.run_id == run_id else None


def read_pending(
    snowflake: Snowflake, source: str, link: Link, after: Mapping[str, int]
) -> dict[str, list[Changed]]:
    """Returns what captures say of tables behind their positions, and gaps.

    Args:
        after: Tables, and up to which capture each has everything.
    """
    found: dict[str, list[Changed]] = {name: [] for name in after}
    for statement in statements.read_pending(source, after, link.version):
        for row in snowflake.run_list(statement):
            found[str(row["TABLE_NAME"])].append(changed_of(row))
    return found


def bring_up_to_date(snowflake: Snowflake, source: LogSource, run_id: str) -> Link:
    """Records what the log of a source tells by now; returns the end of the chain.

    A chain that broke begins anew behind a gap if the source says so: each table is
    then read as a whole.

    Raises:
        UsageError: "log_not_started".
        LeaseError: "lease_held": another run captures for longer than a minute.
        LambdaError: The log cannot be read.
    """
    take_lease(snowflake, source.name, run_id)
    try:
        link = latest(snowflake, source.name)
        if link is None or (link.is_gap and not _goes_on(source, link)):
            raise UsageError(
                "log_not_started", f"The log of source {source.name!r} is not recorded."
            )
        # Whoever gives the lease back does so inside the caller's transaction.
        lease.require_commits(snowflake, link.open_transaction, lambda: None)
        if link.is_gap:
            return begin_anew(snowflake, source, run_id, link, link.reason)
        try:
            return _to_the_end(snowflake, source, run_id, link)
        except LambdaError as error:
            if source.on_gap != "resync" or error.code not in _HEALED:
                raise
            code = error.code
        # What was recorded before it broke is recorded.
        link = latest(snowflake, source.name) or link
        return begin_anew(snowflake, source, run_id, link, code)
    finally:
        lease.release_lease(snowflake, lease_name(source.name), run_id)


def _goes_on(source: LogSource, gap: Link) -> bool:
    """Returns whether a run has died between a gap and the first capture behind it."""
    return source.on_gap == "resync" and gap.reason != STOPPED


def _to_the_end(
    snowflake: Snowflake, source: LogSource, run_id: str, link: Link
) -> Link:
    for _ in range(_ROUNDS):
        reply = _captured(snowflake, source, run_id, link)
        oldest = link.oldest
        link = record(snowflake, source, run_id, link.version, reply)
        link = dataclasses.replace(link, oldest=oldest)
        if reply.complete:
            break
    return link


def begin_anew(
    snowflake: Snowflake,
    source: LogSource,
    run_id: str,
    link: Link | None,
    reason: str,
) -> Link:
    """Makes the slot anew behind a gap; returns the first capture of it.

    The gap comes first: no table goes on from a slot that was made anew. Whoever calls
    has the lease of the source's captures.

    Args:
        link: The end of the chain; None: there is none.
        reason: Why the chain breaks there.

    Raises:
        SyncError: Nothing is recorded but, perhaps, the gap.
    """
    version = 0 if link is None else link.version
    if link is not None and not link.is_gap:
        record_gap(snowflake, source, run_id, version, reason)
        version += 1
    drop_slot(snowflake, source, run_id)
    reply = first_capture(snowflake, source, run_id)
    begun = record(snowflake, source, run_id, version, reply)
    return begun if link is None else dataclasses.replace(begun, oldest=link.oldest)


def drop_slot(snowflake: Snowflake, source: LogSource, run_id: str) -> None:
    """Drops the slot of a source, if there is one."""
    request = requests.drop_slot_request(source.name, source.log, run_id)
    ask.ask(snowflake, request, DropSlotReply)


def first_capture(snowflake: Snowflake, source: LogSource, run_id: str) -> CaptureReply:
    """Makes the slot of a source unless it is there, and captures what it has."""
    request = requests.capture_request(
        source.name,
        source.log,
        source.tables,
        run_id,
        part=f"s{snowflake.statements}",
        from_lsn=None,
        server="",
        max_wal_bytes=source.max_wal_bytes,
        create=True,
    )
    return ask.ask(snowflake, request, CaptureReply)


def take_lease(snowflake: Snowflake, source: str, run_id: str) -> None:
    """Makes this run the only one that captures a source; waits for a minute.

    Raises:
        LeaseError: "lease_held".
    """
    name = lease_name(source)
    take = ledger_statements.take_lease(name, run_id, lease.LEASE_SECONDS)
    end = time.monotonic() + _WAIT_SECONDS
    while snowflake.changed_rows(take) != 1:
        if time.monotonic() > end:
            raise LeaseError("lease_held", f"Another run captures source {source!r}.")
        time.sleep(_POLL_SECONDS)


def _captured(
    snowflake: Snowflake, source: LogSource, run_id: str, link: Link
) -> CaptureReply:
    """Asks for a capture; one that does not fit is halved, at last skipped."""
    most = source.max_wal_bytes
    while True:
        request = requests.capture_request(
            source.name,
            source.log,
            source.tables,
            run_id,
            part=f"c{link.version + 1}-{snowflake.statements}",
            from_lsn=link.to_lsn,
            server=link.server,
            max_wal_bytes=most,
        )
        try:
            return _ask(snowflake, request)
        except LambdaError as error:
            if error.code not in ("capture_too_large", "window_too_large"):
                raise
        most //= 2
        if most < _SMALLEST_WAL_BYTES:
            return _skipped(snowflake, source, request)


def _skipped(
    snowflake: Snowflake, source: LogSource, request: CaptureRequest
) -> CaptureReply:
    """Gives the log up to its end up: each table is read as a whole behind it."""
    if source.on_huge == "fail":
        raise LambdaError(
            "log_too_large", "One transaction is larger than any capture."
        )
    return _ask(snowflake, requests.skipping(request))


def _ask(snowflake: Snowflake, request: CaptureRequest) -> CaptureReply:
    reply = ask.ask(snowflake, request, CaptureReply)
    if request.from_lsn is not None and reply.from_lsn != request.from_lsn:
        raise LambdaError("reply_invalid", "The capture begins somewhere else.")
    return reply


def record(
    snowflake: Snowflake,
    source: LogSource,
    run_id: str,
    version: int,
    reply: CaptureReply,
    *,
    gap: str = "",
) -> Link:
    """Appends a capture to the chain; returns its new end.

    Args:
        version: Of the link that it follows.
        gap: The chain is broken before it: why.

    Raises:
        LeaseError: "lease_lost": another run has appended meanwhile.
    """
    names = [table.name for table in source.tables]
    if not gap and not reply.tables:
        # One row says all: by far the most captures of a source that rests.
        version += 1
        _append(
            snowflake,
            statements.insert_capture(source.name, version, run_id, reply, names),
        )
        return Link(version, False, reply.to_lsn, reply.server, run_id=run_id)
    snowflake.run(sql.BEGIN)
    try:
        if gap:
            version += 1
            _append(snowflake, statements.insert_gap(source.name, version, run_id, gap))
        version += 1
        _append(
            snowflake,
            statements.insert_capture(source.name, version, run_id, reply, names),
        )
        for statement in statements.insert_capture_tables(source.name, version, reply):
            snowflake.run(statement)
        lease.hold_lease(snowflake, lease_name(source.name), run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return Link(version, False, reply.to_lsn, reply.server, run_id=run_id)


def record_gap(
    snowflake: Snowflake, source: LogSource, run_id: str, version: int, reason: str
) -> None:
    """Appends that the chain is broken.

    Raises:
        LeaseError: "lease_lost".
    """
    snowflake.run(sql.BEGIN)
    try:
        _append(
            snowflake,
            statements.insert_gap(source.name, version + 1, run_id, reason),
        )
        lease.hold_lease(snowflake, lease_name(source.name), run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise


def _append(snowflake: Snowflake, statement: sql.Statement) -> None:
    if snowflake.changed_rows(statement) != 1:
        raise LeaseError("lease_lost", "Another run has captured the source meanwhile.")
