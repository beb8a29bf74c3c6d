"""PURE: the SQL texts of the dashboard: what it reads, and what its buttons call.

It reads views and ledgers of CONTROL only and calls procedures, nothing else. The
values of a query are bound. Those of a CALL are written into it: inside Snowflake, a
CALL with bound values is refused (snowpark-python: SNOW-3454682), and SYNC_COST reads
the name of the table in the text of the call.
"""

from dataclasses import dataclass

MOST_RUNS = 500
MOST_CHANGES = 200
MOST_TASK_RUNS = 1_000


@dataclass(frozen=True)
class Query:
    """SQL text and the values bound to its question marks.

    The procedures have their own (snowpark/sql.py); the app is deployed without
    them.
    """

    text: str
    params: tuple[str | int, ...] = ()


TABLES = Query("""\
SELECT
    s.table_name, s.group_name, o.state, o.what, o.what_to_do, o.since, s.fresh_as_of,
    s.freshness_minutes, s.freshness_sla_minutes, s.watermark, s.oldest_transaction,
    s.target_name, s.last_run_id, s.last_run_finished_at, s.last_rows_extracted,
    s.last_bytes, s.last_error_code, s.last_error_message, s.last_error_retryable,
    s.last_error_hint, p.since AS problem_since
FROM control.sync_status AS s
INNER JOIN control.sync_overview AS o ON s.table_name = o.table_name
LEFT JOIN control.sync_problems AS p ON s.table_name = p.table_name
ORDER BY s.table_name""")

WARNINGS = Query("""\
SELECT table_name, code, message, hint, recorded_at, run_id
FROM control.sync_warnings
ORDER BY code, table_name""")

LOGS = Query("""\
SELECT source_name, state, last_capture_at, last_gap_at, last_gap_reason
FROM control.sync_logs
WHERE state <> 'ok'
ORDER BY source_name""")

# What the owner of the app may call; a button without a procedure is not shown.
PROCEDURES = Query("SHOW PROCEDURES IN SCHEMA control")
TASKS = Query("SHOW TASKS IN SCHEMA control")


def task_history(database: str) -> Query:
    """Reads what tasks of CONTROL did and when they run next, the newest first.

    Args:
        database: As SHOW TASKS tells it: names of tasks are the same in every
            environment of an account.
    """
    return Query(f"""\
SELECT name, state, error_message, scheduled_time, completed_time
FROM TABLE(information_schema.task_history(
    database_name => {_literal(database)}, schema_name => 'CONTROL',
    result_limit => {MOST_TASK_RUNS}
))
ORDER BY scheduled_time DESC""")


def runs(table: str, days: int) -> Query:
    """Reads a table's newest runs of so many days, at most MOST_RUNS of them."""
    return Query(
        f"""\
SELECT
    table_name, run_id, kind, status, started_at, finished_at, total_seconds,
    extract_seconds, load_seconds, merge_seconds, rows_extracted, rows_inserted,
    rows_updated, rows_deleted, files, bytes, statements, error_code
FROM control.sync_history
WHERE table_name = ? AND finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
ORDER BY finished_at DESC
LIMIT {MOST_RUNS}""",
        (table, -days),
    )


def activity(days: int) -> Query:
    """Sums up the runs of all tables of so many days, by hour or by day."""
    unit = "hour" if days <= 2 else "day"
    return Query(
        f"""\
SELECT
    DATE_TRUNC('{unit}', finished_at) AS moment, status, COUNT(*) AS runs,
    SUM(rows_extracted) AS rows_extracted, SUM(bytes) AS bytes,
    SUM(total_seconds) AS seconds
FROM control.sync_history
WHERE finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
GROUP BY 1, 2
ORDER BY 1, 2""",
        (-days,),
    )


def failures(days: int) -> Query:
    """Reads the failed runs of so many days, the newest first."""
    return Query(
        f"""\
SELECT
    table_name, run_id, kind, finished_at, error_code, error_message, error_hint
FROM control.sync_history
WHERE error_code IS NOT NULL
    AND finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
ORDER BY finished_at DESC
LIMIT {MOST_CHANGES}""",
        (-days,),
    )


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

DISCOVERIES = Query(f"""\
SELECT recorded_at, what, source, source_table, policy
FROM control.sync_discoveries
WHERE what <> 'looked'
ORDER BY recorded_at DESC
LIMIT {MOST_CHANGES}""")


def cost_by_day(days: int) -> Query:
    """Reads the credits of each day; SYNC_COST is deployed if asked for."""
    return Query(
        """\
SELECT day, SUM(credits) AS credits
FROM control.sync_cost
WHERE day >= DATEADD('day', ?, CURRENT_TIMESTAMP())
GROUP BY day
ORDER BY day""",
        (-days,),
    )


def cost_by_table(days: int) -> Query:
    """Reads the credits of each table, the most expensive first."""
    return Query(
        f"""\
SELECT
    table_name, SUM(credits) AS credits, SUM(runs) AS runs,
    SUM(rows_extracted) AS rows_extracted
FROM control.sync_cost
WHERE day >= DATEADD('day', ?, CURRENT_TIMESTAMP())
GROUP BY table_name
ORDER BY credits DESC
LIMIT {MOST_CHANGES}""",
        (-days,),
    )


def call(procedure: str, *arguments: str | bool | None) -> Query:
    """Calls a procedure with the arguments written out.

    Raises:
        ValueError: An argument has a NUL character.
    """
    values = ", ".join(_written(value) for value in arguments)
    return Query(f"CALL control.{procedure.lower()}({values})")


def shown_call(procedure: str, *arguments: str | bool | None) -> str:
    """Returns the call as a person writes it in a worksheet.

    Raises:
        ValueError: An argument has a NUL character.
    """
    values = ", ".join(_written(value) for value in arguments)
    return f"CALL {procedure}({values});"


def _written(value: str | bool | None) -> str:
    if value is None:
        return "NULL"
    return _literal(value) if isinstance(value, str) else str(value).upper()


def _literal(text: str) -> str:
    # The app is deployed without snowpark/sql.py, which has the same.
    if "\0" in text:
        raise ValueError("a literal has no NUL")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
