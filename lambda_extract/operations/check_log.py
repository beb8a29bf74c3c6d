"""What a check sees of a source's log, with the login that reads it."""

from collections.abc import Iterator

from lambda_extract.changes.published import Published, read_tables
from lambda_extract.changes.slots import read_slot
from lambda_extract.contract import CaptureTable, CheckRequest, Finding, LogSpec
from lambda_extract.credentials import secrets
from lambda_extract.errors import ExtractError
from lambda_extract.operations import findings
from lambda_extract.operations.connect import connect
from lambda_extract.settings import Settings, Source
from lambda_extract.source.database import Database, application_name


def look_at_log(
    request: CheckRequest,
    log: LogSpec,
    source: Source,
    *,
    settings: Settings,
    deadline: float,
) -> Iterator[Finding]:
    """Yields what is seen of the slot, the publication, and the tables of mode log."""
    secrets.forget(source.for_log)
    name = application_name("check", request.run_id)
    try:
        with connect(
            request.source, name, settings, deadline=deadline, log=True
        ) as database:
            yield _slot(database, log)
            yield from _tables(database, request, log, source)
    except ExtractError as error:
        yield findings.refused("log", error)


def _slot(database: Database, log: LogSpec) -> Finding:
    try:
        slot = read_slot(database, log)
    except ExtractError as error:
        if error.code == "slot_active":
            # A capture, most likely.
            text = f"slot {log.slot} is being read at this moment"
            return findings.seen("log", "", findings.Seen(text))
        found = findings.refused("log", error)
        if error.code == "slot_missing":
            hint = f"CALL START_LOG with the source, if it is new; else: {found.hint}"
            return Finding(found.check, found.state, found.detail, hint)
        return found
    return findings.seen("log", "", findings.of_slot(log.slot, slot.state))


def _what(table: Published) -> str:
    """Says what the server decodes of each change."""
    if table.columns is not None and set(table.columns) <= set(table.key):
        return "by the columns of its key alone"
    return "whole rows"


def _tables(
    database: Database, request: CheckRequest, log: LogSpec, source: Source
) -> Iterator[Finding]:
    wanted = [
        CaptureTable(
            item.table.name,
            item.table.schema,
            item.table.relation,
            item.table.key,
            tuple(column.name for column in item.table.columns if column.protect),
        )
        for item in request.tables
        if item.logged
    ]
    if not wanted:
        return
    looks = read_tables(database, source, log, wanted)
    for table, look in zip(wanted, looks, strict=True):
        if isinstance(look, Published):
            text = f"publication {log.publication} tells its changes, {_what(look)}"
            yield findings.seen("published", table.name, findings.Seen(text))
        else:
            yield findings.refused("published", look, table.name)
