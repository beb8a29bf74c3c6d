"""PURE: the SQL texts of TIDY. Tested against tests/golden/tidy/*.sql.

A row that is moved is inserted and deleted by the same condition, whose times are
bound: the clock of the statements would go on between the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from snowpark.sql import Statement, qualified

_RUN_COLUMNS = """\
run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings"""
_WATERMARK_COLUMNS = """\
table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at"""
# What SYNC_STATUS and SYNC_PROBLEMS say of a table: its last run of each kind and end,
# and since when it fails.
_OLD_RUNS = """\
finished_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, kind, status, finished_at) NOT IN (
        SELECT r.table_name, r.kind, r.status, MAX(r.finished_at)
        FROM control.sync_runs AS r
        GROUP BY r.table_name, r.kind, r.status
    )
    AND (table_name, kind, status, finished_at) NOT IN (
        SELECT f.table_name, f.kind, f.status, MIN(f.finished_at)
        FROM control.sync_runs AS f
        LEFT JOIN (
            SELECT g.table_name, g.kind, MAX(g.finished_at) AS good_at
            FROM control.sync_runs AS g
            WHERE g.status IN ('succeeded', 'unchanged')
            GROUP BY g.table_name, g.kind
        ) AS good ON f.table_name = good.table_name AND f.kind = good.kind
        WHERE
            f.status IN ('failed', 'abandoned')
            AND (good.good_at IS NULL OR f.finished_at > good.good_at)
        GROUP BY f.table_name, f.kind, f.status
    )"""
# Twice what an idle table lets pass (snowpark/sync/changes.py).
_CAPTURES_KEPT = 1000
_OLD_WATERMARKS = """\
recorded_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, version, recorded_at) NOT IN (
        SELECT w.table_name, w.version, w.recorded_at
        FROM control.sync_current_watermarks AS w
    )"""


@dataclass(frozen=True)
class Moved:
    """A ledger whose old rows go into a table of history.

    Attributes:
        columns: All of them.
        old: Which rows go; one bound time.
        time: Column that says how old a row is.
    """

    ledger: str
    columns: str
    old: str
    time: str

    @property
    def history(self) -> str:
        """The table with the rows that were moved."""
        return f"{self.ledger}_history"


MOVED = (
    Moved("sync_runs", _RUN_COLUMNS, _OLD_RUNS, "finished_at"),
    Moved("sync_watermarks", _WATERMARK_COLUMNS, _OLD_WATERMARKS, "recorded_at"),
)


def take_tidy_lease(run_id: str, seconds: int, pause_hours: int) -> Statement:
    """Takes the lease of TIDY, if nobody has it and nobody had it lately."""
    return Statement(
        """\
UPDATE control.sync_leases
SET
    previous_run_id = NULL,
    run_id = ?,
    acquired_at = CURRENT_TIMESTAMP(),
    expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE
    table_name = '#tidy'
    AND (run_id IS NULL OR expires_at < CURRENT_TIMESTAMP())
    AND (
        acquired_at IS NULL
        OR acquired_at <= DATEADD('hour', ?, CURRENT_TIMESTAMP())
    )""",
        (run_id, seconds, -pause_hours),
    )


def unfold_quiet(before: str) -> Statement:
    """Makes rows of SYNC_RUNS of the tables in which groups found nothing new."""
    return Statement(
        f"""\
INSERT INTO control.sync_runs (
    {_RUN_COLUMNS}
)
SELECT
    {_RUN_COLUMNS}
FROM control.sync_quiet_tables
WHERE finished_at < TO_TIMESTAMP_TZ(?)""",
        (before,),
    )


def delete_unfolded(before: str) -> Statement:
    """Deletes the rows of which rows of SYNC_RUNS were made."""
    return Statement(
        """\
DELETE FROM control.sync_quiet_runs
WHERE
    finished_at < TO_TIMESTAMP_TZ(?)
    AND (run_id, finished_at) IN (
        SELECT r.run_id, r.finished_at
        FROM control.sync_runs AS r
    )""",
        (before,),
    )


def copy_old(moved: Moved, before: str) -> Statement:
    """Copies the old rows of a ledger into its history, sorted by table and time."""
    return Statement(
        f"""\
INSERT INTO control.{moved.history} (
    {moved.columns}
)
SELECT
    {moved.columns}
FROM control.{moved.ledger}
WHERE
    {moved.old}
ORDER BY table_name, {moved.time}""",
        (before,),
    )


def delete_old(moved: Moved, before: str) -> Statement:
    """Deletes the same rows from the ledger."""
    return Statement(
        f"DELETE FROM control.{moved.ledger}\nWHERE\n    {moved.old}", (before,)
    )


def delete_history(moved: Moved, before: str) -> Statement:
    """Deletes what is older than history is kept."""
    return Statement(
        f"DELETE FROM control.{moved.history}\n"
        f"WHERE {moved.time} < TO_TIMESTAMP_TZ(?)",
        (before,),
    )


def delete_steps(before: str) -> Statement:
    """Deletes the steps of group runs, but for the latest of each group."""
    return Statement(
        """\
DELETE FROM control.sync_group_steps
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND group_run_id NOT IN (
        SELECT MAX_BY(s.group_run_id, s.recorded_at)
        FROM control.sync_group_steps AS s
        GROUP BY UPPER(s.group_name), s.origin
    )""",
        (before,),
    )


def delete_parts(before: str) -> Statement:
    """Deletes parts of snapshots that no run would go on with."""
    return Statement(
        """\
DELETE FROM control.sync_parts
WHERE recorded_at < TO_TIMESTAMP_TZ(?)""",
        (before,),
    )


def delete_shapes(before: str) -> Statement:
    """Deletes columns of the past, but for the latest of each table."""
    return Statement(
        """\
DELETE FROM control.sync_columns
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, generation) NOT IN (
        SELECT c.table_name, MAX(c.generation)
        FROM control.sync_columns AS c
        GROUP BY c.table_name
    )""",
        (before,),
    )


def delete_alerts(before: str) -> Statement:
    """Deletes alerts that nobody is to be reminded of any more."""
    return Statement(
        """\
DELETE FROM control.sync_alerts
WHERE
    raised_at < TO_TIMESTAMP_TZ(?)
    AND remind_at < CURRENT_TIMESTAMP()""",
        (before,),
    )


def delete_captures(before: str) -> Statement:
    """Deletes old captures of logs, but for the latest of each source.

    A table in which nothing is new notes how far it is more often than so many. One
    that was left alone for longer finds the chain begun behind it, and is read whole.
    """
    return Statement(
        """\
DELETE FROM control.sync_captures
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND (source_name, version) NOT IN (
        SELECT c.source_name, c.version
        FROM control.sync_captures AS c
        QUALIFY
            ROW_NUMBER() OVER (PARTITION BY c.source_name ORDER BY c.version DESC)
            <= ?
    )""",
        (before, _CAPTURES_KEPT),
    )


def delete_capture_tables() -> Statement:
    """Deletes what captures said that are deleted."""
    return Statement("""\
DELETE FROM control.sync_capture_tables
WHERE (source_name, version) NOT IN (
    SELECT c.source_name, c.version
    FROM control.sync_captures AS c
)""")


def sum_altered(run_id: str, before: str) -> Statement:
    """Appends the sums of old altered values, one row for each column of a table."""
    return Statement(
        """\
INSERT INTO control.sync_altered_values (
    table_name, run_id, column_name, row_count, sample_keys, recorded_at
)
SELECT table_name, ?, column_name, SUM(row_count), NULL, CURRENT_TIMESTAMP()
FROM control.sync_altered_values
WHERE recorded_at < TO_TIMESTAMP_TZ(?)
GROUP BY table_name, column_name""",
        (run_id, before),
    )


def delete_altered(before: str) -> Statement:
    """Deletes the altered values that were summed."""
    return Statement(
        """\
DELETE FROM control.sync_altered_values
WHERE recorded_at < TO_TIMESTAMP_TZ(?)""",
        (before,),
    )


def list_settings() -> Statement:
    """Reads the settings of the configured tables."""
    return Statement(
        "SELECT settings FROM control.sync_current_tables ORDER BY table_name"
    )


def read_owners() -> Statement:
    """Reads which runs have a lease."""
    return Statement(
        "SELECT DISTINCT run_id FROM control.sync_leases WHERE run_id IS NOT NULL"
    )


def show_staging() -> Statement:
    """Lists what lies in STAGING."""
    return Statement("SHOW TABLES IN SCHEMA staging")


def show_all_pipes() -> Statement:
    """Lists the pipes."""
    return Statement("SHOW PIPES IN SCHEMA staging")


def drop_table(name: str) -> Statement:
    """Drops a table of STAGING."""
    return Statement(f"DROP TABLE IF EXISTS {qualified('STAGING', name)}")


def drop_pipe(name: str) -> Statement:
    """Drops a pipe."""
    return Statement(f"DROP PIPE IF EXISTS {qualified('STAGING', name)}")


def deletes(days_ago: str, history_ago: str) -> Iterator[tuple[str, Statement]]:
    """Yields what is deleted without being kept anywhere, by its ledger.

    Args:
        days_ago: What tells runs under way their place is not older.
        history_ago: From then on nothing is history any more.
    """
    yield "sync_group_steps", delete_steps(days_ago)
    yield "sync_parts", delete_parts(days_ago)
    yield "sync_columns", delete_shapes(history_ago)
    yield "sync_alerts", delete_alerts(history_ago)
    yield "sync_captures", delete_captures(history_ago)
    yield "sync_capture_tables", delete_capture_tables()
    for moved in MOVED:
        yield moved.history, delete_history(moved, history_ago)
