-- The latest row of each ledger. The procedures read state through these views alone.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_current_pauses
COPY GRANTS
COMMENT = 'Whether a table was paused or resumed last, by whom and why'
AS
SELECT
    table_name,
    paused,
    reason,
    changed_at,
    changed_by
FROM sync_pauses
QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY changed_at DESC) = 1;

CREATE OR REPLACE VIEW sync_current_tables
COPY GRANTS
COMMENT = 'Tables of the configuration in force'
AS
SELECT
    t.version,
    t.table_name,
    t.group_name,
    t.target_name,
    t.freshness_sla_minutes,
    t.settings,
    COALESCE(p.paused, FALSE) AS paused
FROM sync_tables AS t
LEFT JOIN sync_current_pauses AS p ON t.table_name = p.table_name
WHERE t.version = (SELECT MAX(c.version) FROM sync_config AS c);

CREATE OR REPLACE VIEW sync_current_watermarks
COPY GRANTS
COMMENT = 'Latest watermark of each table'
AS
SELECT
    table_name,
    version,
    run_id,
    kind,
    origin,
    watermark,
    watermark_type,
    pending_value,
    pending_seen_at,
    overlap_rows,
    overlap_digest,
    columns_sha256,
    row_count,
    recorded_at,
    source_identity,
    refined_at,
    capture_version,
    log_identity,
    target_rows
FROM sync_watermarks
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY table_name
    ORDER BY version DESC, TRY_TO_TIMESTAMP_TZ(refined_at) DESC NULLS LAST, recorded_at DESC
) = 1;

CREATE OR REPLACE VIEW sync_quiet_tables
COPY GRANTS
COMMENT = 'One row per table and run of SYNC_QUIET_RUNS, as SYNC_RUNS would have it'
AS
SELECT
    q.run_id,
    t.value:name::VARCHAR AS table_name,
    'increment' AS kind,
    'unchanged' AS status,
    q.started_at,
    q.finished_at,
    t.value:windows::NUMBER AS windows,
    0 AS rows_extracted,
    0 AS rows_inserted,
    0 AS rows_updated,
    0 AS rows_deleted,
    0 AS files,
    0 AS bytes,
    t.value:extract_seconds::NUMBER(12, 3) AS extract_seconds,
    0 AS load_seconds,
    0 AS merge_seconds,
    q.statements,
    t.value:watermark::VARCHAR AS watermark,
    t.value:oldest_transaction::VARCHAR AS oldest_transaction,
    t.value:null_cursor_rows::NUMBER AS null_cursor_rows,
    NULL::VARCHAR AS error_code,
    NULL::VARCHAR AS error_message,
    NULL::BOOLEAN AS error_retryable,
    NULL::VARCHAR AS error_hint,
    t.value:warnings AS warnings
FROM sync_quiet_runs AS q,
    LATERAL FLATTEN(INPUT => q.tables) AS t;

CREATE OR REPLACE VIEW sync_recent_runs
COPY GRANTS
COMMENT = 'Runs that TIDY has not moved yet, also those of groups in which nothing was new'
AS
SELECT
    run_id,
    table_name,
    kind,
    status,
    started_at,
    finished_at,
    windows,
    rows_extracted,
    rows_inserted,
    rows_updated,
    rows_deleted,
    files,
    bytes,
    extract_seconds,
    load_seconds,
    merge_seconds,
    statements,
    watermark,
    oldest_transaction,
    null_cursor_rows,
    error_code,
    error_message,
    error_retryable,
    error_hint,
    warnings
FROM sync_runs
UNION ALL
SELECT
    run_id,
    table_name,
    kind,
    status,
    started_at,
    finished_at,
    windows,
    rows_extracted,
    rows_inserted,
    rows_updated,
    rows_deleted,
    files,
    bytes,
    extract_seconds,
    load_seconds,
    merge_seconds,
    statements,
    watermark,
    oldest_transaction,
    null_cursor_rows,
    error_code,
    error_message,
    error_retryable,
    error_hint,
    warnings
FROM sync_quiet_tables;

CREATE OR REPLACE VIEW sync_current_key_checks
COPY GRANTS
COMMENT = 'When the keys of a table were compared last, whether or not that succeeded'
AS
SELECT
    table_name,
    DATEDIFF('minute', MAX(finished_at), CURRENT_TIMESTAMP()) AS minutes_since_key_check
FROM sync_runs
WHERE kind = 'key_compare'
GROUP BY table_name;

CREATE OR REPLACE VIEW sync_current_columns
COPY GRANTS
COMMENT = 'Columns of each table as its last commit left them'
AS
SELECT
    table_name,
    generation,
    run_id,
    shape,
    recorded_at
FROM sync_columns
QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY generation DESC) = 1;
