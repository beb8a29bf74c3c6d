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
    log_identity
FROM sync_watermarks
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY table_name
    ORDER BY version DESC, TRY_TO_TIMESTAMP_TZ(refined_at) DESC NULLS LAST, recorded_at DESC
) = 1;

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
