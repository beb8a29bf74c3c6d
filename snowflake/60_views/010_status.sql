-- What a person looks at: one row per table now, one row per run in the past.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_status (
    table_name COMMENT 'Configured name, for the calls',
    group_name COMMENT 'Group whose task graph syncs the table',
    state COMMENT 'running, lost (the run vanished; the next sync takes over), paused, never synced, failed, late, ok',
    fresh_as_of COMMENT 'Everything committed in the source before this moment is in the target',
    freshness_minutes COMMENT 'Age of the target in minutes; late if it is beyond the SLA',
    freshness_sla_minutes COMMENT 'Configured limit of the age in minutes',
    watermark COMMENT 'PostgreSQL text; every row at or below it is in the target',
    watermark_recorded_at COMMENT 'When the watermark was committed',
    oldest_transaction COMMENT 'Start of the open source transaction that holds the watermark back; NULL: none does',
    target_name COMMENT 'Target table in Snowflake',
    paused_reason COMMENT 'Reason given to PAUSE_TABLE; NULL if the table is not paused',
    last_run_id COMMENT 'Last sync of the table; a backfill or repair is in SYNC_HISTORY only',
    last_run_kind COMMENT 'increment, snapshot, key_compare',
    last_run_status COMMENT 'succeeded, unchanged, failed, abandoned',
    last_run_started_at COMMENT 'Start of the last sync',
    last_run_finished_at COMMENT 'End of the last sync',
    last_rows_extracted COMMENT 'Rows that the last sync read from the source',
    last_rows_inserted COMMENT 'Rows that were new to the target',
    last_rows_updated COMMENT 'Rows that the target had before',
    last_bytes COMMENT 'Compressed bytes that the last sync loaded',
    null_cursor_rows COMMENT 'Source rows without a cursor value; -1: not counted',
    last_error_code COMMENT 'Code of the last sync''s error; docs/RUNBOOK.md has each. NULL: it went well',
    last_error_message COMMENT 'What happened',
    last_error_retryable COMMENT 'TRUE: the next sync may well succeed',
    last_error_hint COMMENT 'What to do',
    schema_changes COMMENT 'Changes of the columns since the target was created',
    last_schema_change COMMENT 'Column and what happened to it',
    last_schema_change_at COMMENT 'When that was',
    altered_values COMMENT 'Values replaced by NULL so far; SYNC_ALTERED_VALUES has columns and keys',
    config_version COMMENT 'Version of the configuration in force'
)
COPY GRANTS
COMMENT = 'One row per configured table: state, freshness against its SLA, last run, last error'
AS
-- A backfill or repair is about some rows: it neither makes a table fresh nor hides that
-- its last sync failed.
WITH last_run AS (
    SELECT
        table_name,
        run_id,
        kind,
        status,
        started_at,
        finished_at,
        rows_extracted,
        rows_inserted,
        rows_updated,
        bytes,
        oldest_transaction,
        null_cursor_rows,
        error_code,
        error_message,
        error_retryable,
        error_hint
    FROM sync_recent_runs
    WHERE kind NOT IN ('backfill', 'repair')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY finished_at DESC, started_at DESC) = 1
),

-- Everything committed in the source before the start of a good run is in the target.
last_good AS (
    SELECT
        table_name,
        MAX(started_at) AS fresh_as_of
    FROM sync_recent_runs
    WHERE status IN ('succeeded', 'unchanged') AND kind IN ('increment', 'snapshot')
    GROUP BY table_name
),

altered AS (
    SELECT
        table_name,
        SUM(row_count) AS altered_values
    FROM sync_altered_values
    GROUP BY table_name
),

column_changes AS (
    SELECT
        table_name,
        COUNT(*) OVER (PARTITION BY table_name) AS schema_changes,
        column_name || ' ' || REPLACE(change, '_', ' ') AS last_schema_change,
        recorded_at AS last_schema_change_at
    FROM sync_schema_changes
    WHERE change <> 'created'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY recorded_at DESC, column_name ASC) = 1
)

SELECT
    t.table_name,
    t.group_name,
    CASE
        WHEN l.run_id IS NOT NULL AND l.expires_at > CURRENT_TIMESTAMP() THEN 'running'
        WHEN l.run_id IS NOT NULL THEN 'lost'
        WHEN t.paused THEN 'paused'
        WHEN r.run_id IS NULL THEN 'never synced'
        WHEN r.status IN ('failed', 'abandoned') THEN 'failed'
        WHEN g.fresh_as_of IS NULL THEN 'never synced'
        WHEN DATEDIFF('minute', g.fresh_as_of, CURRENT_TIMESTAMP()) > t.freshness_sla_minutes THEN 'late'
        ELSE 'ok'
    END AS state,
    g.fresh_as_of,
    DATEDIFF('minute', g.fresh_as_of, CURRENT_TIMESTAMP()) AS freshness_minutes,
    t.freshness_sla_minutes,
    w.watermark,
    w.recorded_at AS watermark_recorded_at,
    r.oldest_transaction,
    t.target_name,
    IFF(t.paused, p.reason, NULL) AS paused_reason,
    r.run_id AS last_run_id,
    r.kind AS last_run_kind,
    r.status AS last_run_status,
    r.started_at AS last_run_started_at,
    r.finished_at AS last_run_finished_at,
    r.rows_extracted AS last_rows_extracted,
    r.rows_inserted AS last_rows_inserted,
    r.rows_updated AS last_rows_updated,
    r.bytes AS last_bytes,
    r.null_cursor_rows,
    r.error_code AS last_error_code,
    r.error_message AS last_error_message,
    r.error_retryable AS last_error_retryable,
    r.error_hint AS last_error_hint,
    COALESCE(c.schema_changes, 0) AS schema_changes,
    c.last_schema_change,
    c.last_schema_change_at,
    COALESCE(a.altered_values, 0) AS altered_values,
    t.version AS config_version
FROM sync_current_tables AS t
LEFT JOIN sync_leases AS l ON t.table_name = l.table_name
LEFT JOIN last_run AS r ON t.table_name = r.table_name
LEFT JOIN last_good AS g ON t.table_name = g.table_name
LEFT JOIN sync_current_watermarks AS w ON t.table_name = w.table_name
LEFT JOIN sync_current_pauses AS p ON t.table_name = p.table_name
LEFT JOIN altered AS a ON t.table_name = a.table_name
LEFT JOIN column_changes AS c ON t.table_name = c.table_name;

CREATE OR REPLACE VIEW sync_history (
    table_name COMMENT 'Configured name',
    run_id COMMENT 'Also in the source''s application_name, the log of Lambda and the landing prefix',
    kind COMMENT 'increment, snapshot, key_compare, backfill, repair',
    status COMMENT 'succeeded, unchanged (nothing new), failed, abandoned (vanished; found by the next run)',
    started_at COMMENT 'Start of the run',
    finished_at COMMENT 'End of the run',
    total_seconds COMMENT 'From start to end, waiting included',
    extract_seconds COMMENT 'Waiting for the extraction in AWS',
    load_seconds COMMENT 'COPY into the staging table',
    merge_seconds COMMENT 'MERGE and commit',
    windows COMMENT 'Extractions of the run',
    statements COMMENT 'Statements sent to Snowflake',
    rows_extracted COMMENT 'Rows read from the source',
    rows_inserted COMMENT 'Rows that were new to the target',
    rows_updated COMMENT 'Rows that the target had before',
    rows_deleted COMMENT 'Rows removed or flagged',
    files COMMENT 'Files loaded',
    bytes COMMENT 'Compressed bytes of the files',
    watermark COMMENT 'Watermark after the run, as PostgreSQL text',
    oldest_transaction COMMENT 'Start of the open source transaction that held the watermark back',
    error_code COMMENT 'NULL: the run went well',
    error_message COMMENT 'What happened',
    error_retryable COMMENT 'TRUE: a repetition may well succeed',
    error_hint COMMENT 'What to do',
    warnings COMMENT 'Array of {code, message, hint}'
)
COPY GRANTS
COMMENT = 'One row per finished run, with the seconds of each step'
AS
SELECT
    r.table_name,
    r.run_id,
    r.kind,
    r.status,
    r.started_at,
    r.finished_at,
    DATEDIFF('millisecond', r.started_at, r.finished_at) / 1000 AS total_seconds,
    r.extract_seconds,
    r.load_seconds,
    r.merge_seconds,
    r.windows,
    r.statements,
    r.rows_extracted,
    r.rows_inserted,
    r.rows_updated,
    r.rows_deleted,
    r.files,
    r.bytes,
    r.watermark,
    r.oldest_transaction,
    r.error_code,
    r.error_message,
    r.error_retryable,
    r.error_hint,
    r.warnings
FROM sync_recent_runs AS r
UNION ALL
SELECT
    r.table_name,
    r.run_id,
    r.kind,
    r.status,
    r.started_at,
    r.finished_at,
    DATEDIFF('millisecond', r.started_at, r.finished_at) / 1000 AS total_seconds,
    r.extract_seconds,
    r.load_seconds,
    r.merge_seconds,
    r.windows,
    r.statements,
    r.rows_extracted,
    r.rows_inserted,
    r.rows_updated,
    r.rows_deleted,
    r.files,
    r.bytes,
    r.watermark,
    r.oldest_transaction,
    r.error_code,
    r.error_message,
    r.error_retryable,
    r.error_hint,
    r.warnings
FROM sync_runs_history AS r;
