-- What a person looks at: one row per table now, one row per run in the past.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_status
COMMENT = 'One row per configured table: state, freshness against its SLA, last run, last error'
AS
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
    FROM sync_runs
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY finished_at DESC, started_at DESC) = 1
),

-- Everything committed in the source before the start of a good run is in the target.
last_good AS (
    SELECT
        table_name,
        MAX(started_at) AS fresh_as_of
    FROM sync_runs
    WHERE status IN ('succeeded', 'unchanged') AND kind <> 'backfill'
    GROUP BY table_name
),

altered AS (
    SELECT
        table_name,
        SUM(row_count) AS altered_values
    FROM sync_altered_values
    GROUP BY table_name
),

changes AS (
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
LEFT JOIN altered AS a ON t.table_name = a.table_name
LEFT JOIN changes AS c ON t.table_name = c.table_name;

CREATE OR REPLACE VIEW sync_history
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
FROM sync_runs AS r;
