"""PLAN_SYNC: what a sync would do, without doing it."""

import uuid
from typing import Any

from lambda_extract.contract import PlanReply
from snowpark import arguments
from snowpark.columns import column as columns
from snowpark.columns import drift
from snowpark.columns.alignment import Rules, Source
from snowpark.errors import DriftError, SyncError, UsageError
from snowpark.extraction import ask, progress, requests
from snowpark.ledger import read
from snowpark.ledger.records import TableState
from snowpark.load import target
from snowpark.session import Snowflake


def plan_sync(snowflake: Snowflake, table_name: object) -> dict[str, Any]:
    """Returns what SYNC_TABLE would do now; takes no lease and changes nothing.

    Raises:
        SyncError: Unknown table, or the source cannot be asked.
    """
    table = arguments.table_name(table_name)
    try:
        found = read.read_state(snowflake, table)
        reload, blocked = _kind(found)
        request = requests.snapshot_request(
            found.settings,
            f"plan-{uuid.uuid4().hex}",
            one_moment=found.settings.mode == "full",
        )
        reply = ask.ask(snowflake, request, PlanReply)
        source = target.source_of(reply)
        changes = _changes(found, source)
    except SyncError as error:
        raise error.about(table, None)
    ledger = found.ledger
    digest = columns.digest(
        reply.columns, reply.key, reply.relation_id, found.settings, reply.described
    )
    bound = reply.bound
    after = ledger.watermark.value if ledger and ledger.watermark else None
    upto = bound.watermark.value if bound and bound.watermark else None
    what = f"read rows with {_cursor(found)} after {after or 'the start'}"
    if found.settings.mode == "log":
        what = f"read the rows that the source's log tells of after {after}"
    if reload:
        what = f"read the whole table in {len(reply.partitions)} parts"
    summary = f"{table}: a sync would {what}."
    if blocked is not None:
        summary = f"{table}: a sync would be refused. {blocked.message} {blocked.hint}"
    return {
        "summary": summary,
        "table": table,
        "refused": blocked.code if blocked is not None else None,
        "kind": "snapshot" if reload else "increment",
        "watermark": after,
        "safe_bound": upto,
        "oldest_transaction": bound.oldest_transaction if bound else None,
        "parts": len(reply.partitions) if reload else None,
        "table_rows_estimated": reply.estimated_rows,
        "table_bytes_estimated": reply.estimated_bytes,
        "key": list(reply.key),
        "columns": {
            c.name: c.source.snowflake_type for c in source.columns if c.loaded
        },
        "columns_changed": bool(ledger and digest != ledger.columns_sha256),
        "schema_changes": changes,
        "warnings": [
            {"code": w.code, "message": w.message, "hint": w.hint}
            for w in reply.warnings
        ],
    }


def _cursor(found: TableState) -> str:
    names = found.settings.cursors
    return f"GREATEST({', '.join(names)})" if len(names) > 1 else "".join(names)


def _kind(found: TableState) -> tuple[bool, UsageError | None]:
    """Returns whether a sync would reload, and what it would be refused with."""
    try:
        return progress.needs_snapshot(found), None
    except UsageError as error:
        return True, error


def _changes(found: TableState, source: Source) -> list[str]:
    """Returns what would happen to the columns, or why the sync would fail.

    The target itself is not looked at: it is taken to be as the last commit left it.
    """
    shape = found.shape
    if not shape.columns:
        return []
    existing = {c.target: c.type for c in shape.columns if c.state != "ignored"}
    rules = Rules.of(found.settings, reload=found.settings.mode == "full")
    try:
        alignment = drift.align(source, existing, shape, rules)
    except DriftError as error:
        return [str(error)]
    return [str(change) for change in alignment.changes]
