"""TIDY: state that readers need stays small, however long the sync has been running."""

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from snowpark import sql
from snowpark.errors import SnowflakeError, SyncError, UsageError
from snowpark.ledger import lease, read
from snowpark.ledger import statements as ledger_statements
from snowpark.load.history_table_statements import forget_versions
from snowpark.session import Snowflake
from snowpark.settings import retention
from snowpark.settings.table import TableSettings
from snowpark.sql import Statement
from snowpark.tidy import leftovers, statements

_LEASE = "#tidy"
_LEASE_SECONDS = 3600
# A finalizer that comes a bit earlier than yesterday is not sent away.
_PAUSE_HOURS = 23
# Rows of the last day stay where they are. No snapshot goes on after a day, no group
# run after its time-out, of which a day is the longest.
_STAYS = timedelta(days=1)
_STEPS_STAY = timedelta(days=3)
_STAGED_HOURS = 24
_MOST_DROPS = 500
# No such table: it was never synced. No such column: its rows are no versions yet.
_NO_VERSIONS_YET = (2003, 904)


def tidy(snowflake: Snowflake) -> dict[str, Any]:
    """Moves, sums up and deletes what is old; drops what runs have left that are gone.

    Each step is a transaction of its own, and may be repeated. Runs of tables go on
    meanwhile: what they read is what is newest, and that stays.

    Raises:
        UsageError: "lease_held", "open_transaction", "date_input_formats".
        SyncError: Snowflake refused something; what was done until then stays.
    """
    report = _tidy(snowflake, pause_hours=0)
    if report is None:
        raise UsageError("lease_held", "Another TIDY is at work.")
    return report


def tidy_daily(snowflake: Snowflake) -> str:
    """Does it if nobody has done it today; says what was done, or why it failed.

    Whatever it is, the run that has just ended went as it went.
    """
    try:
        report = _tidy(snowflake, pause_hours=_PAUSE_HOURS)
    except SyncError as error:
        return f"[{error.code}] {error.message}"
    return str(report["summary"]) if report else "Not due."


def _tidy(snowflake: Snowflake, *, pause_hours: int) -> dict[str, Any] | None:
    call_id = f"tidy-{uuid.uuid4().hex}"
    taken = statements.take_tidy_lease(call_id, _LEASE_SECONDS, pause_hours)
    if snowflake.changed_rows(taken) != 1:
        return None
    lease.require_commits(
        snowflake,
        lease.read_transaction(snowflake),
        lambda: lease.release_lease(snowflake, _LEASE, call_id),
    )
    try:
        return _work(snowflake, call_id)
    finally:
        lease.release_lease(snowflake, _LEASE, call_id)


def _work(snowflake: Snowflake, call_id: str) -> dict[str, Any]:
    # Which watermark counts is decided by times that are read from text.
    read.check_dates(snowflake.run(ledger_statements.read_dates())[0])
    now = datetime.now(timezone.utc)
    days = _history_days(snowflake)
    history_ago = (now - timedelta(days=days)).isoformat()
    before = (now - _STAYS).isoformat()
    moved = {}
    _unfold(snowflake, before)
    for ledger in statements.MOVED:
        moved[ledger.ledger] = _together(
            snowflake,
            statements.copy_old(ledger, before),
            statements.delete_old(ledger, before),
        )
    deleted = {}
    steps_ago = (now - _STEPS_STAY).isoformat()
    for name, statement in statements.deletes(steps_ago, history_ago):
        deleted[name] = snowflake.changed_rows(statement)
    deleted["sync_altered_values"] = _sum_altered(snowflake, call_id, history_ago)
    deleted["versions"], refused = _forget_versions(snowflake)
    dropped = _drop(snowflake, now)
    return {
        "summary": f"{sum(moved.values())} rows were moved into history,"
        f" {sum(deleted.values())} deleted, {len(dropped)} tables and pipes dropped.",
        "history_days": days,
        "moved": moved,
        "deleted": {name: rows for name, rows in deleted.items() if rows},
        "versions_refused": refused,
        "dropped": dropped,
    }


def _history_days(snowflake: Snowflake) -> int:
    rows = snowflake.run(ledger_statements.read_config_text())
    return retention.history_days(str(rows[0][0]) if rows else "{}")


def _together(snowflake: Snowflake, copy: Statement, delete: Statement) -> int:
    """Moves rows; none of them if others came or went meanwhile.

    Returns:
        How many.
    """
    snowflake.run(sql.BEGIN)
    try:
        copied = snowflake.changed_rows(copy)
        gone = snowflake.changed_rows(delete) if copied else 0
        # A newer row may have appeared in between: one more is old than was copied.
        snowflake.run(sql.COMMIT if copied == gone else sql.ROLLBACK)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return copied if copied == gone else 0


def _unfold(snowflake: Snowflake, before: str) -> None:
    """Makes old runs of groups that found nothing rows of the ledger: they move on."""
    snowflake.run(sql.BEGIN)
    try:
        if snowflake.changed_rows(statements.unfold_quiet(before)):
            snowflake.run(statements.delete_unfolded(before))
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise


def _sum_altered(snowflake: Snowflake, call_id: str, before: str) -> int:
    """Replaces old altered values by their sums; returns how many rows went."""
    snowflake.run(sql.BEGIN)
    try:
        summed = snowflake.changed_rows(statements.sum_altered(call_id, before))
        gone = 0
        if summed:
            gone = snowflake.changed_rows(statements.delete_altered(before))
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return gone


def _forget_versions(snowflake: Snowflake) -> tuple[int, dict[str, str]]:
    """Removes versions that ended longer ago than their table keeps them.

    A run does so with its last rows, but a source may rest for months. Whatever a sync
    does meanwhile, it needs no version that has ended so long ago.

    Returns:
        How many, and the error's code for each table whose target refused it.
    """
    gone, refused = 0, {}
    for row in snowflake.run_list(statements.list_settings()):
        table = TableSettings.from_json(str(row[0]))
        if not table.history or table.history_days is None:
            continue
        forget = forget_versions(table.target, table.history_days)
        try:
            gone += snowflake.changed_rows(forget, tell_only=())
        except SnowflakeError as error:
            if error.number not in _NO_VERSIONS_YET:
                refused[table.name] = error.code
    return gone, refused


def _drop(snowflake: Snowflake, now: datetime) -> list[str]:
    """Drops what lies in STAGING and belongs to nobody; the rest of it next time."""
    tables = [str(row["name"]) for row in snowflake.run(statements.show_staging())]
    pipes = [str(row["name"]) for row in snowflake.run(statements.show_all_pipes())]
    owners = {str(row[0]) for row in snowflake.run_list(statements.read_owners())}
    names = snowflake.run_list(ledger_statements.list_tables())
    configured = [str(row[0]) for row in names]
    staged = leftovers.staged(tables, owners, now, _STAGED_HOURS)
    # The pipe first: it would go on loading into a table that is not there.
    drops = [statements.drop_pipe(n) for n in leftovers.of_pipes(pipes, configured)]
    drops += [statements.drop_table(n) for n in leftovers.of_pipes(tables, configured)]
    drops += [statements.drop_table(name) for name in staged]
    for statement in drops[:_MOST_DROPS]:
        snowflake.run(statement)
    return [statement.text.rpartition(" ")[2] for statement in drops[:_MOST_DROPS]]
