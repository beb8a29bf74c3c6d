"""PURE: the SQL text of a run's end. Tested against tests/golden/ledger/*.sql."""

from collections.abc import Sequence

from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import Commit
from snowpark.ledger.run import Run
from snowpark.sql import Statement

_RUN_COLUMNS = (
    "run_id table_name kind status started_at"
    " windows rows_extracted rows_inserted rows_updated rows_deleted files bytes"
    " extract_seconds load_seconds merge_seconds statements"
    " watermark oldest_transaction null_cursor_rows"
    " error_code error_message error_retryable error_hint warnings"
).split()
_WATERMARK_COLUMNS = (
    "table_name version run_id kind origin"
    " watermark watermark_type pending_value pending_seen_at"
    " overlap_rows overlap_digest columns_sha256 row_count source_identity"
    " refined_at capture_version log_identity target_rows"
).split()
_READ_AS = {"started_at": "TO_TIMESTAMP_TZ(?)", "warnings": "PARSE_JSON(?)"}


def insert_end(
    run: Run, origin: str, commit: Commit, *, based_on: int, statements: int
) -> Statement:
    """Appends the run that ends with a commit and its watermark, behind the fence.

    Sent after the write, which holds the lock of the target. What it selects is one
    row, or none if a newer version has been committed or the lease is another run's.
    """
    ended = ledger_statements.insert_run(run, status="succeeded", statements=statements)
    mark = ledger_statements.insert_watermark(run.table, run.id, origin, commit)
    selected = [f"{_READ_AS.get(name, '?')} AS run_{name}" for name in _RUN_COLUMNS]
    selected += [f"? AS mark_{name}" for name in _WATERMARK_COLUMNS]
    return Statement(
        f"""\
INSERT ALL
    {_into("control.sync_runs", _RUN_COLUMNS, "finished_at", "run")}
    {_into("control.sync_watermarks", _WATERMARK_COLUMNS, "recorded_at", "mark")}
SELECT
    {_LINE.join(selected)},
    CURRENT_TIMESTAMP() AS recorded_at
FROM control.sync_leases AS l
WHERE
    l.table_name = ?
    AND l.run_id = ?
    AND NOT EXISTS (
        SELECT w.version
        FROM control.sync_watermarks AS w
        WHERE w.table_name = ? AND w.version > ?
    )""",
        (*ended.params, *mark.params, run.table, run.id, run.table, based_on),
    )


_LINE = ",\n    "


def _into(table: str, columns: Sequence[str], time: str, prefix: str) -> str:
    """Returns where columns go that are selected by these names with a prefix."""
    line = ",\n        "
    given = line.join([*(f"{prefix}_{name}" for name in columns), "recorded_at"])
    return f"""\
INTO {table} (
        {line.join([*columns, time])}
    ) VALUES (
        {given}
    )"""
