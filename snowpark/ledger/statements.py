"""PURE: the SQL texts around state: leases, configuration, ledgers, and the call.

Values are bound with question marks. Tested against tests/golden/*/*.sql. State is read
through the views of snowflake/30_state and written by inserts alone, but for the lease.
"""

import json
from collections.abc import Iterator, Sequence

from lambda_extract.contract import AlteredValue
from snowpark.columns.shape import Change, Shape
from snowpark.errors import SyncError
from snowpark.ledger.records import Commit, identity_text
from snowpark.ledger.run import Run
from snowpark.sql import Statement, value_rows

# --- leases ---------------------------------------------------------------------------


def take_lease(table: str, run_id: str, seconds: int) -> Statement:
    """Takes the lease if nobody has it or if it expired."""
    return Statement(
        """\
UPDATE control.sync_leases
SET
    previous_run_id = run_id,
    run_id = ?,
    acquired_at = CURRENT_TIMESTAMP(),
    expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE table_name = ? AND (run_id IS NULL OR expires_at < CURRENT_TIMESTAMP())""",
        (run_id, seconds, table),
    )


def hold_lease(table: str, run_id: str, seconds: int) -> Statement:
    """Extends the lease; changes no row if it was taken over."""
    return Statement(
        """\
UPDATE control.sync_leases
SET expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE table_name = ? AND run_id = ?""",
        (seconds, table, run_id),
    )


def release_lease(table: str, run_id: str) -> Statement:
    """Gives the lease back, unless somebody else has it by now."""
    return Statement(
        """\
UPDATE control.sync_leases
SET
    run_id = NULL,
    previous_run_id = NULL,
    expires_at = NULL
WHERE table_name = ? AND run_id = ?""",
        (table, run_id),
    )


def read_lease(table: str) -> Statement:
    """Reads who has the lease, for the error of the one who did not get it."""
    return Statement(
        """\
SELECT
    run_id,
    TO_VARCHAR(acquired_at) AS acquired_at,
    TO_VARCHAR(expires_at) AS expires_at
FROM control.sync_leases
WHERE table_name = ?""",
        (table,),
    )


def read_fence(table: str, version: int) -> Statement:
    """Reads what a commit must know before it may be one: whose turn it is.

    Args:
        version: The one that the run's decisions rest on.
    """
    return Statement(
        """\
SELECT
    (
        SELECT COUNT(*)
        FROM control.sync_watermarks
        WHERE table_name = ? AND version > ?
    ) AS newer,
    (
        SELECT MAX(run_id)
        FROM control.sync_leases
        WHERE table_name = ?
    ) AS owner""",
        (table, version, table),
    )


# --- reading state --------------------------------------------------------------------


# Texts as PostgreSQL writes them; the offset of the last one makes it another moment.
_MOMENT = "'YYYY-MM-DD HH24:MI:SS.FF6'"
_DATES_READ_AS = f"""\
    TO_VARCHAR(TRY_CAST('2001-02-03' AS DATE), 'YYYY-MM-DD')
        || ' ' || TO_VARCHAR(
            TRY_CAST('2001-02-03 04:05:06.789012' AS TIMESTAMP_NTZ(6)), {_MOMENT}
        )
        || ' ' || TO_VARCHAR(
            CONVERT_TIMEZONE(
                'UTC', TRY_CAST('2001-02-03 04:05:06.789012+01' AS TIMESTAMP_TZ(6))
            ),
            {_MOMENT}
        ) AS dates_read_as"""
# What that is if the parameters for the input of dates are AUTO, as they are unless
# somebody sets them; COPY takes them, too (docs: date-time-input-output).
DATES_READ_RIGHT = "2001-02-03 2001-02-03 04:05:06.789012 2001-02-03 03:05:06.789012"


def state_columns() -> str:
    """Returns the query of all that a run has to know of a table, without its WHERE."""
    return f"""\
SELECT
{_DATES_READ_AS},
    CURRENT_TRANSACTION() AS open_transaction,
    t.table_name,
    t.settings,
    t.paused,
    l.run_id AS lease_run_id,
    l.previous_run_id,
    w.version,
    w.origin,
    w.watermark,
    w.watermark_type,
    w.pending_value,
    w.pending_seen_at,
    w.overlap_rows,
    w.overlap_digest,
    w.columns_sha256,
    w.source_identity,
    w.refined_at,
    w.capture_version,
    w.log_identity,
    w.target_rows,
    k.minutes_since_key_check,
    s.shape,
    a.own_database,
    a.allowed_targets
FROM control.sync_current_tables AS t
LEFT JOIN control.sync_leases AS l ON t.table_name = l.table_name
LEFT JOIN control.sync_current_watermarks AS w ON t.table_name = w.table_name
LEFT JOIN control.sync_current_key_checks AS k ON t.table_name = k.table_name
LEFT JOIN control.sync_current_columns AS s ON t.table_name = s.table_name
CROSS JOIN control.sync_allowed_targets AS a"""


def read_declared_targets() -> Statement:
    """Reads where the deployment lets tables be written."""
    return Statement(
        "SELECT own_database, allowed_targets FROM control.sync_allowed_targets"
    )


def read_dates() -> Statement:
    """Reads how this session reads dates; see DATES_READ_RIGHT."""
    return Statement(f"SELECT\n{_DATES_READ_AS}")


def read_state(table: str) -> Statement:
    """Reads configuration, watermark and lease of a table in one statement."""
    return Statement(f"{state_columns()}\nWHERE t.table_name = ?", (table,))


def list_tables() -> Statement:
    """Reads the names of the configured tables."""
    return Statement(
        "SELECT table_name FROM control.sync_current_tables ORDER BY table_name"
    )


# --- configuration --------------------------------------------------------------------


# --- ledgers --------------------------------------------------------------------------


def insert_watermark(table: str, run_id: str, origin: str, commit: Commit) -> Statement:
    """Appends the watermark row of a commit."""
    bound = commit.bound
    watermark = bound.watermark if bound else None
    pending = bound.pending_bound if bound else None
    overlap = bound.overlap if bound else None
    return Statement(
        """\
INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP()""",
        (
            table,
            commit.version,
            run_id,
            commit.kind,
            origin,
            watermark.value if watermark else None,
            watermark.type if watermark else None,
            pending.value if pending else None,
            pending.seen_at if pending else None,
            overlap.rows if overlap else None,
            overlap.digest if overlap else None,
            commit.columns_sha256,
            commit.rows,
            identity_text(commit.source_identity),
            commit.refined_at,
            commit.capture_version,
            identity_text(commit.log_identity),
            commit.target_rows,
        ),
    )


def insert_touch(table: str, run_id: str, commit: Commit) -> Statement:
    """Appends the row of a commit that changes the target and no watermark.

    All else is as the version before says it; without that version nothing is
    appended, and the fence stops the commit.
    """
    return Statement(
        """\
INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
)
SELECT
    table_name, ?, ?, ?, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, ?, source_identity,
    NULL, capture_version, log_identity, target_rows + ?, CURRENT_TIMESTAMP()
FROM control.sync_current_watermarks
WHERE table_name = ? AND version = ?""",
        (
            commit.version,
            run_id,
            commit.kind,
            commit.rows,
            commit.added_rows,
            table,
            commit.version - 1,
        ),
    )


def insert_run(
    run: Run, *, status: str, statements: int, error: SyncError | None = None
) -> Statement:
    """Appends the row of a finished run; `statements` counts this one too."""
    tally = run.tally
    return Statement(
        """\
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
)
SELECT
    ?, ?, ?, ?, TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(),
    ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?,
    ?, ?, ?,
    ?, ?, ?, ?, PARSE_JSON(?)""",
        (
            run.id,
            run.table,
            tally.kind,
            status,
            run.started_at,
            tally.windows,
            tally.rows,
            tally.counts.inserted,
            tally.counts.updated,
            tally.counts.deleted,
            tally.files,
            tally.bytes,
            round(tally.seconds.extract, 3),
            round(tally.seconds.load, 3),
            round(tally.seconds.merge, 3),
            statements,
            tally.watermark,
            tally.oldest_transaction,
            tally.null_cursor_rows,
            error.code if error else None,
            error.message[:16000] if error else None,
            error.retryable if error else None,
            error.hint if error else None,
            warnings_text(run),
        ),
    )


def warnings_text(run: Run) -> str:
    """Returns the warnings of a run as SYNC_RUNS has them."""
    return json.dumps(warnings_list(run))


def warnings_list(run: Run) -> list[dict[str, str]]:
    """Returns the warnings of a run, in the order in which they came."""
    return [
        {"code": code, "message": message, "hint": hint}
        for code, message, hint in run.tally.warnings
    ]


def read_last_error(table: str) -> Statement:
    """Reads the error code of a table's last run; NULL if that went well."""
    return Statement(
        """\
SELECT error_code
FROM control.sync_recent_runs
WHERE table_name = ?
ORDER BY finished_at DESC
LIMIT 1""",
        (table,),
    )


def insert_abandoned_run(table: str, run_id: str) -> Statement:
    """Appends the row of a run that vanished and whose lease was taken over."""
    return Statement(
        """\
INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, finished_at, error_code, error_message,
    error_retryable, error_hint
)
SELECT
    ?, ?, 'unknown', 'abandoned', CURRENT_TIMESTAMP(), 'lease_lost',
    'The run ended without recording a result; its lease expired and was taken over.',
    TRUE, 'Nothing to do: the run that took over starts from the last commit.'""",
        (run_id, table),
    )


def insert_altered_values(
    table: str, run_id: str, altered: Sequence[AlteredValue]
) -> Iterator[Statement]:
    """Appends which values were replaced by NULL, some hundred columns at a time."""
    rows = [
        (table, run_id, value.column, value.rows, f"[{','.join(value.sample_keys)}]")
        for value in altered
    ]
    types = ["VARCHAR", "VARCHAR", "VARCHAR", "NUMBER", "VARCHAR"]
    for values in value_rows(types, rows, most_rows=_ALTERED_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_altered_values (
    table_name, run_id, column_name, row_count, sample_keys, recorded_at
)
SELECT column1, column2, column3, column4, PARSE_JSON(column5), CURRENT_TIMESTAMP()
FROM {values.text}""",
            values.params,
        )


# --- the extraction -------------------------------------------------------------------


_ALTERED_PER_INSERT = 500
# A first load records each column, of which PostgreSQL allows 1,600.
_CHANGES_PER_INSERT = 500


def insert_shape(table: str, run_id: str, shape: Shape) -> Statement:
    """Appends the columns of a table as they are from this commit on."""
    return Statement(
        """\
INSERT INTO control.sync_columns (
    table_name, generation, run_id, shape, recorded_at
)
SELECT ?, ?, ?, ?, CURRENT_TIMESTAMP()""",
        (table, shape.generation, run_id, shape.to_json()),
    )


def insert_schema_changes(
    table: str, run_id: str, changes: Sequence[Change]
) -> Iterator[Statement]:
    """Appends what happened to the columns of a target, some hundred at a time."""
    rows = [
        (
            *(table, run_id, c.change, c.column, c.attnum),
            *(c.target, c.old_column, c.source_type, c.old_type, c.new_type),
        )
        for c in changes
    ]
    types = ["VARCHAR"] * 4 + ["NUMBER"] + ["VARCHAR"] * 5
    for values in value_rows(types, rows, most_rows=_CHANGES_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_schema_changes (
    table_name, run_id, change, column_name, attribute_number,
    target_column, old_column_name, source_type, old_type, new_type, recorded_at
)
SELECT
    column1, column2, column3, column4, column5,
    column6, column7, column8, column9, column10, CURRENT_TIMESTAMP()
FROM {values.text}""",
            values.params,
        )


def read_config_text() -> Statement:
    """Reads the configuration in force."""
    return Statement("""\
SELECT config_text
FROM control.sync_config
ORDER BY version DESC
LIMIT 1""")
