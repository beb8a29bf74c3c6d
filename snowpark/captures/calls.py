"""LOG_SETUP, START_LOG, CAPTURE_LOG, STOP_LOG, RESYNC_SOURCE: a log by hand."""

from typing import Any

from lambda_extract.contract import CaptureReply
from snowpark import arguments
from snowpark.captures import capture, setup, statements
from snowpark.captures.records import Link, LogSource
from snowpark.extraction import ask, requests
from snowpark.ledger import lease
from snowpark.session import Snowflake


def start_log(snowflake: Snowflake, source_name: object, run_id: str) -> dict[str, Any]:
    """Creates the slot of a source, unless it is there, and records the first capture.

    Raises:
        SyncError: Nothing of it is recorded. A slot that was made is used by the next
            call; STOP_LOG drops it.
    """
    source = _source(snowflake, source_name)

    def work(link: Link | None) -> Link:
        if link is not None and not link.is_gap:
            return _next(snowflake, source, run_id, link)
        reply = capture.first_capture(snowflake, source, run_id)
        reason = "" if link is None else "started"
        version = 0 if link is None else link.version
        return capture.record(snowflake, source, run_id, version, reply, gap=reason)

    link = _owned(snowflake, source, run_id, work)
    return _report(source, link, "its log is recorded")


def capture_log(
    snowflake: Snowflake, source_name: object, run_id: str
) -> dict[str, Any]:
    """Records what the log of a source tells by now.

    Raises:
        SyncError: See `capture.bring_up_to_date`.
    """
    source = _source(snowflake, source_name)
    link = capture.bring_up_to_date(snowflake, source, run_id)
    return _report(source, link, "its log is recorded")


def stop_log(snowflake: Snowflake, source_name: object, run_id: str) -> dict[str, Any]:
    """Drops the slot of a source. Its tables are read as a whole after START_LOG.

    Raises:
        SyncError: The slot may be there still.
    """
    source = _source(snowflake, source_name)

    def work(link: Link | None) -> Link | None:
        # First, so that no table goes on from a slot that was made anew.
        if link is not None and not link.is_gap:
            capture.record_gap(snowflake, source, run_id, link.version, capture.STOPPED)
        capture.drop_slot(snowflake, source, run_id)
        return link

    _owned(snowflake, source, run_id, work)
    return {
        "source": source.name,
        "slot": source.log.slot,
        "summary": f"{source.name}: its slot is dropped; its tables of mode log do not"
        " sync until START_LOG.",
    }


def resync_source(
    snowflake: Snowflake, source_name: object, run_id: str
) -> dict[str, Any]:
    """Makes the slot anew and records a gap: each table is read as a whole.

    Raises:
        SyncError: Nothing is recorded but, perhaps, the gap. Call again.
    """
    source = _source(snowflake, source_name)

    def work(link: Link | None) -> Link:
        return capture.begin_anew(snowflake, source, run_id, link, "resync")

    link = _owned(snowflake, source, run_id, work)
    return _report(
        source, link, "its log begins anew; the next sync of each table reads it whole"
    )


def log_setup(snowflake: Snowflake, source_name: object) -> dict[str, Any]:
    """Returns the statements that the owner of the database runs once.

    Raises:
        UsageError: "unknown_log".
    """
    source = _source(snowflake, source_name)
    return {
        "source": source.name,
        "slot": source.log.slot,
        "publication": source.log.publication,
        "tables": [table.name for table in source.tables],
        "statements": setup.statements(source),
        "summary": f"{source.name}: run the statements as the owner of the tables, then"
        " CALL START_LOG.",
    }


def _source(snowflake: Snowflake, name: object) -> LogSource:
    return capture.find_source(snowflake, arguments.source_name(name))


def _owned(snowflake: Snowflake, source: LogSource, run_id: str, work: Any) -> Any:
    """Does work as the only one that captures the source."""
    name = capture.lease_name(source.name)
    snowflake.run(statements.insert_capture_lease(name))
    capture.take_lease(snowflake, source.name, run_id)
    lease.require_commits_or_give_back(snowflake, name, run_id)
    try:
        return work(capture.latest(snowflake, source.name))
    finally:
        lease.release_lease(snowflake, name, run_id)


def _next(snowflake: Snowflake, source: LogSource, run_id: str, link: Link) -> Link:
    request = requests.capture_request(
        source.name,
        source.log,
        source.tables,
        run_id,
        part=f"n{snowflake.statements}",
        from_lsn=link.to_lsn,
        server=link.server,
        max_wal_bytes=source.max_wal_bytes,
    )
    reply = ask.ask(snowflake, request, CaptureReply)
    return capture.record(snowflake, source, run_id, link.version, reply)


def _report(source: LogSource, link: Link, what: str) -> dict[str, Any]:
    return {
        "source": source.name,
        "slot": source.log.slot,
        "version": link.version,
        "upto": link.to_lsn,
        "tables": [table.name for table in source.tables],
        "summary": f"{source.name}: {what}, up to {link.to_lsn}.",
    }
