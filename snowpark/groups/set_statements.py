"""PURE: the SQL texts of what is true of many tables: one statement for all of them.

Bound values count as a part of the text (docs: query-size-limits), so long lists are
cut; see `sql.value_rows`.
"""

from collections.abc import Iterator, Sequence

from snowpark.errors import SyncError
from snowpark.ledger.records import Commit, identity_text
from snowpark.ledger.run import Run
from snowpark.ledger.statements import state_columns, warnings_list
from snowpark.sql import Statement, json_lists, value_rows

_OF_GROUP = """\
SELECT t.table_name
        FROM control.sync_current_tables AS t
        WHERE UPPER(t.group_name) = UPPER(?)"""
_ROWS = 1000


def take_leases(group: str, run_id: str, seconds: int) -> Statement:
    """Takes the leases of a group's tables that nobody has."""
    return Statement(
        f"""\
UPDATE control.sync_leases
SET
    previous_run_id = run_id,
    run_id = ?,
    acquired_at = CURRENT_TIMESTAMP(),
    expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE
    table_name IN (
        {_OF_GROUP}
    )
    AND (run_id IS NULL OR expires_at < CURRENT_TIMESTAMP())""",
        (run_id, seconds, group),
    )


def hold_leases(run_id: str, seconds: int) -> Statement:
    """Extends every lease that a group run still has."""
    return Statement(
        """\
UPDATE control.sync_leases
SET expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE run_id = ?""",
        (seconds, run_id),
    )


def release_leases(run_id: str) -> Statement:
    """Gives back every lease that a group run still has."""
    return Statement(
        """\
UPDATE control.sync_leases
SET
    run_id = NULL,
    previous_run_id = NULL,
    expires_at = NULL
WHERE run_id = ?""",
        (run_id,),
    )


def release_some(run_id: str, tables: Sequence[str]) -> Statement:
    """Gives back the leases that a group run has of these tables."""
    released = release_leases(run_id)
    marks = ", ".join("?" * len(tables))
    return Statement(
        f"{released.text} AND table_name IN ({marks})", (*released.params, *tables)
    )


def release_done(run_id: str) -> Statement:
    """Gives back the leases of the tables that the extraction has left no work for."""
    released = release_leases(run_id)
    return Statement(
        f"""\
{released.text}
    AND table_name NOT IN (
        SELECT s.table_name
        FROM control.sync_group_steps AS s
        WHERE
            s.group_run_id = ?
            AND s.step = 'extract'
            AND s.status IN ('succeeded', 'alone')
            AND s.table_name IS NOT NULL
    )""",
        (*released.params, run_id),
    )


def read_states(group: str) -> Statement:
    """Reads configuration, watermark and lease of a group's tables."""
    return Statement(
        f"""\
{state_columns()}
WHERE UPPER(t.group_name) = UPPER(?)
ORDER BY t.table_name""",
        (group,),
    )


def read_lane_states(run_id: str, lane: int) -> Statement:
    """Reads configuration, watermark and lease of the tables of a lane."""
    return Statement(
        f"""\
{state_columns()}
WHERE
    t.table_name IN (
        SELECT s.table_name
        FROM control.sync_group_steps AS s
        WHERE s.group_run_id = ? AND s.lane = ? AND s.step = 'extract'
    )
ORDER BY t.table_name""",
        (run_id, lane),
    )


def read_outcomes(run_id: str, began_at: str) -> Statement:
    """Reads how the tables of a group run ended, the latest row of each last.

    Args:
        began_at: When the run began: older rows need not be looked at.
    """
    return Statement(
        """\
SELECT
    table_name,
    status,
    rows_extracted,
    error_code,
    error_message,
    error_retryable,
    error_hint
FROM control.sync_runs
WHERE run_id = ? AND finished_at >= TO_TIMESTAMP_TZ(?)
ORDER BY finished_at""",
        (run_id, began_at),
    )


def read_past(group: str, days: int) -> Statement:
    """Reads what the last loads of a group took, and how the last runs ended."""
    return Statement(
        f"""\
SELECT
    r.table_name,
    MAX_BY(
        r.extract_seconds + r.load_seconds + r.merge_seconds,
        IFF(r.status = 'succeeded', r.finished_at, NULL)
    ) AS seconds,
    MAX_BY(COALESCE(r.error_code, ''), r.finished_at) AS last_error
FROM control.sync_recent_runs AS r
WHERE
    r.finished_at > DATEADD('day', ?, CURRENT_TIMESTAMP())
    AND r.table_name IN (
        {_OF_GROUP}
    )
GROUP BY r.table_name""",
        (-days, group),
    )


def insert_abandoned_runs(runs: Sequence[tuple[str, str]]) -> Iterator[Statement]:
    """Appends the runs that vanished and whose leases were taken over.

    Args:
        runs: Run and table.
    """
    for values in value_rows(["VARCHAR", "VARCHAR"], runs, most_rows=_ROWS):
        yield Statement(
            f"""\
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, finished_at, error_code, error_message,
    error_retryable, error_hint
)
SELECT
    column1, column2, 'unknown', 'abandoned', CURRENT_TIMESTAMP(), 'lease_lost',
    'The run ended without recording a result; its lease expired and was taken over.',
    TRUE, 'Nothing to do: the run that took over starts from the last commit.'
FROM {values.text}""",
            values.params,
        )


def insert_unchanged_runs(
    runs: Sequence[Run], *, statements: int
) -> Iterator[Statement]:
    """Appends the runs of tables in which nothing was new; all began together.

    They are one row, or one for each thousand: SYNC_RECENT_RUNS tells them apart again.
    """
    for tables in json_lists([_quiet_table(run) for run in runs], most=_ROWS):
        yield Statement(
            """\
INSERT INTO control.sync_quiet_runs (
    run_id, started_at, finished_at, statements, tables
)
SELECT ?, TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(), ?, PARSE_JSON(?)""",
            (runs[0].id, runs[0].started_at, statements, tables),
        )


def _quiet_table(run: Run) -> dict[str, object]:
    """Returns what SYNC_QUIET_RUNS keeps of a table; what is not known is left out."""
    tally = run.tally
    told = {
        "name": run.table,
        "windows": tally.windows,
        "extract_seconds": round(tally.seconds.extract, 3),
        "watermark": tally.watermark,
        "oldest_transaction": tally.oldest_transaction,
        "null_cursor_rows": tally.null_cursor_rows,
        "warnings": warnings_list(run),
    }
    return {name: value for name, value in told.items() if value is not None}


def insert_failed_runs(
    runs: Sequence[tuple[Run, SyncError]], *, statements: int
) -> Iterator[Statement]:
    """Appends the runs of tables that could not be extracted; all began together."""
    rows = [
        (
            run.table,
            error.code,
            error.message[:16000],
            error.retryable,
            error.hint[:16000],
        )
        for run, error in runs
    ]
    types = ["VARCHAR", "VARCHAR", "VARCHAR", "BOOLEAN", "VARCHAR"]
    for values in value_rows(types, rows, most_rows=_ROWS):
        first, _ = runs[0]
        yield Statement(
            f"""\
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
)
SELECT
    ?, column1, 'increment', 'failed', TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(),
    0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, ?, -1,
    column2, column3, column4, column5, PARSE_JSON('[]')
FROM {values.text}""",
            (first.id, first.started_at, statements, *values.params),
        )


def insert_watermarks(
    run_id: str, commits: Sequence[tuple[str, str, Commit]]
) -> Iterator[Statement]:
    """Appends the watermark rows of tables in which nothing was new.

    Each stands alone and takes no version: it says that the rows up to it were
    delivered before (docs/FENCING.md). It is left out if another run has committed the
    table meanwhile.

    Args:
        commits: Table, origin and commit.
    """
    types = ["VARCHAR", "NUMBER"] + ["VARCHAR"] * 5 + ["NUMBER"] + ["VARCHAR"] * 4
    rows = [(table, *_watermark(origin, commit)) for table, origin, commit in commits]
    for values in value_rows(types, rows, most_rows=_ROWS):
        yield Statement(
            f"""\
INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, target_rows, recorded_at
)
SELECT
    v.column1, v.column2, ?, 'increment', v.column3,
    v.column4, v.column5, v.column6, v.column7,
    v.column8, v.column9, v.column10, 0, v.column11,
    v.column12, w.target_rows, CURRENT_TIMESTAMP()
FROM {values.text}
    AS v
INNER JOIN control.sync_current_watermarks AS w
    ON v.column1 = w.table_name AND v.column2 = w.version""",
            (run_id, *values.params),
        )


def _watermark(origin: str, commit: Commit) -> tuple[str | int | None, ...]:
    bound = commit.bound
    watermark = bound.watermark if bound else None
    pending = bound.pending_bound if bound else None
    overlap = bound.overlap if bound else None
    return (
        commit.version,
        origin,
        watermark.value if watermark else None,
        watermark.type if watermark else None,
        pending.value if pending else None,
        pending.seen_at if pending else None,
        overlap.rows if overlap else None,
        overlap.digest if overlap else None,
        commit.columns_sha256,
        identity_text(commit.source_identity),
        commit.refined_at,
    )
