"""PURE: the SQL texts of the dashboard: what it reads, and what its buttons call.

It reads views and ledgers of CONTROL only and calls procedures, nothing else. The
values of a query are bound. Those of a CALL are written into it: inside Snowflake, a
CALL with bound values is refused (snowpark-python: SNOW-3454682), and SYNC_COST reads
the name of the table in the text of the call.
"""

from dataclasses import dataclass

MOST_RUNS = 2_000
MOST_CHANGES = 200


@dataclass(frozen=True)
class Query:
    """SQL text and the values bound to its question marks.

    The procedures have their own (snowpark/sql.py); the app is deployed without
    them.
    """

    text: str
    params: tuple[str | int, ...] = ()


STATUS = Query("""\
SELECT
    table_name, group_name, state, fresh_as_of, freshness_minutes,
    freshness_sla_minutes, watermark, oldest_transaction, target_name, paused_reason,
    last_run_id, last_run_status, last_run_finished_at, last_rows_extracted,
    last_rows_inserted, last_rows_updated, last_bytes, null_cursor_rows,
    last_error_code, last_error_message, last_error_retryable, last_error_hint,
    schema_changes, altered_values
FROM control.sync_status
ORDER BY table_name""")

SCHEMA_CHANGES = Query(f"""\
SELECT recorded_at, table_name, column_name, change, old_type, new_type
FROM control.sync_schema_changes
WHERE change <> 'created'
ORDER BY recorded_at DESC
LIMIT {MOST_CHANGES}""")

ALTERED_VALUES = Query(f"""\
SELECT recorded_at, table_name, column_name, row_count, sample_keys
FROM control.sync_altered_values
ORDER BY recorded_at DESC
LIMIT {MOST_CHANGES}""")


def history(days: int) -> Query:
    """Reads the newest runs of so many days, at most MOST_RUNS of them."""
    return Query(
        f"""\
SELECT
    table_name, run_id, kind, status, started_at, finished_at, total_seconds,
    extract_seconds, load_seconds, merge_seconds, rows_extracted, rows_inserted,
    rows_updated, rows_deleted, files, bytes, statements, error_code, error_message,
    error_retryable, error_hint
FROM control.sync_history
WHERE finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
ORDER BY finished_at DESC
LIMIT {MOST_RUNS}""",
        (-days,),
    )


HELP = Query("CALL control.help()")

# Procedures that a button calls, and what they take beside the table's name.
_CALLS: dict[str, tuple[str, ...]] = {
    "SYNC_TABLE": (),
    "VALIDATE_TABLE": (),
    "PAUSE_TABLE": ("paused in the dashboard",),
    "RESUME_TABLE": (),
}


def call(procedure: str, table: str) -> Query:
    """Calls a procedure for a table; a pause says where it came from.

    Raises:
        KeyError: The dashboard has no such button.
        ValueError: The name has a NUL character.
    """
    values = ", ".join(_literal(value) for value in (table, *_CALLS[procedure]))
    return Query(f"CALL control.{procedure.lower()}({values})")


def _literal(text: str) -> str:
    # The app is deployed without snowpark/sql.py, which has the same.
    if "\0" in text:
        raise ValueError("a literal has no NUL")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
