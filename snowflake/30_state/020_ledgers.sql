-- Ledgers: append-only, the latest row counts. Only SYNC_LEASES is updated in place.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_leases (
    table_name VARCHAR(255) NOT NULL COMMENT 'Configured name; #config guards APPLY_CONFIG, #alerts RAISE_ALERTS, #tidy TIDY',
    run_id VARCHAR(64) COMMENT 'Run that owns the table now; NULL: nobody',
    previous_run_id VARCHAR(64) COMMENT 'Run whose expired lease this run took over',
    acquired_at TIMESTAMP_TZ(6),
    expires_at TIMESTAMP_TZ(6) COMMENT 'From then on another run may take the table over'
)
COMMENT = 'One row per table: who works on it, so that no second run wastes its work';

CREATE TABLE IF NOT EXISTS sync_watermarks (
    table_name VARCHAR(255) NOT NULL,
    version NUMBER(19, 0) NOT NULL COMMENT 'Grows by one with every commit that changes the target; the fence of the next one',
    run_id VARCHAR(64) NOT NULL,
    kind VARCHAR(20) NOT NULL COMMENT 'increment, snapshot; key_compare, backfill, repair: the watermark is the one before',
    origin VARCHAR(1000) NOT NULL COMMENT 'Source table and cursor that the watermark belongs to',
    watermark VARCHAR(1000) COMMENT 'PostgreSQL text; every row at or below it is in the target',
    watermark_type VARCHAR(255) COMMENT 'PostgreSQL type of the watermark',
    pending_value VARCHAR(1000) COMMENT 'Integer cursors: becomes the watermark once proven',
    pending_seen_at VARCHAR(64) COMMENT 'PostgreSQL clock when the pending value was seen',
    overlap_rows NUMBER(19, 0) COMMENT 'Rows beyond the watermark that the target has already',
    overlap_digest VARCHAR(255) COMMENT 'Identity of those row versions',
    columns_sha256 VARCHAR(64) COMMENT 'Digest of the source columns of this commit',
    row_count NUMBER(19, 0) NOT NULL COMMENT 'Rows merged by this commit',
    recorded_at TIMESTAMP_TZ(6) NOT NULL,
    source_identity VARCHAR(16777216) COMMENT 'JSON: what the source was; tells one that went back in time',
    refined_at VARCHAR(64) COMMENT 'PostgreSQL clock of an extraction that moved the watermark and no row; the latest of a version counts',
    capture_version NUMBER(19, 0) COMMENT 'Mode log: captures up to this version are in the target',
    log_identity VARCHAR(16777216) COMMENT 'JSON, mode log: what the table was; tells what its log does not',
    target_rows NUMBER(19, 0) COMMENT 'Rows of the target then, as far as the sync has counted them; NULL: not known'
)
COMMENT = 'Watermark of each table, committed together with its rows';

ALTER TABLE sync_watermarks ADD COLUMN IF NOT EXISTS
    source_identity VARCHAR(16777216) COMMENT 'JSON: what the source was; tells one that went back in time';

ALTER TABLE sync_watermarks ADD COLUMN IF NOT EXISTS
    refined_at VARCHAR(64) COMMENT 'PostgreSQL clock of an extraction that moved the watermark and no row; the latest of a version counts';

ALTER TABLE sync_watermarks ADD COLUMN IF NOT EXISTS
    capture_version NUMBER(19, 0) COMMENT 'Mode log: captures up to this version are in the target';

ALTER TABLE sync_watermarks ADD COLUMN IF NOT EXISTS
    log_identity VARCHAR(16777216) COMMENT 'JSON, mode log: what the table was; tells what its log does not';

ALTER TABLE sync_watermarks ADD COLUMN IF NOT EXISTS
    target_rows NUMBER(19, 0) COMMENT 'Rows of the target then, as far as the sync has counted them; NULL: not known';

-- A table that is there keeps its comments, unless they are set.
ALTER TABLE sync_leases SET COMMENT = 'One row per table: who works on it, so that no second run wastes its work';

ALTER TABLE sync_leases ALTER COLUMN table_name
COMMENT 'Configured name; #config guards APPLY_CONFIG, #alerts RAISE_ALERTS, #tidy TIDY, #capture:... a log';

ALTER TABLE sync_watermarks ALTER COLUMN version
COMMENT 'Grows by one with every commit that changes the target; the fence of the next one';

ALTER TABLE sync_watermarks ALTER COLUMN kind
COMMENT 'increment, snapshot; key_compare, backfill, repair: the watermark is the one before';

CREATE TABLE IF NOT EXISTS sync_runs (
    run_id VARCHAR(64) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    kind VARCHAR(20) NOT NULL COMMENT 'increment, snapshot, key_compare, backfill, repair',
    status VARCHAR(20) NOT NULL COMMENT 'succeeded, unchanged, failed, abandoned',
    started_at TIMESTAMP_TZ(6),
    finished_at TIMESTAMP_TZ(6) NOT NULL,
    windows NUMBER(9, 0) COMMENT 'Extractions of this run',
    rows_extracted NUMBER(19, 0),
    rows_inserted NUMBER(19, 0),
    rows_updated NUMBER(19, 0),
    rows_deleted NUMBER(19, 0),
    files NUMBER(9, 0),
    bytes NUMBER(19, 0) COMMENT 'Compressed bytes of the files',
    extract_seconds NUMBER(12, 3),
    load_seconds NUMBER(12, 3),
    merge_seconds NUMBER(12, 3),
    statements NUMBER(9, 0) COMMENT 'Statements sent to Snowflake up to this row',
    watermark VARCHAR(1000),
    oldest_transaction VARCHAR(64) COMMENT 'Start of the open transaction that holds the watermark back',
    null_cursor_rows NUMBER(19, 0) COMMENT 'Source rows without a cursor value; -1: not counted',
    error_code VARCHAR(64),
    error_message VARCHAR(16384),
    error_retryable BOOLEAN,
    error_hint VARCHAR(16384),
    warnings VARIANT COMMENT 'Array of {code, message, hint}'
)
COMMENT = 'One row per finished run of a table';

CREATE TABLE IF NOT EXISTS sync_quiet_runs (
    run_id VARCHAR(64) NOT NULL COMMENT 'Run of the group',
    started_at TIMESTAMP_TZ(6) NOT NULL,
    finished_at TIMESTAMP_TZ(6) NOT NULL,
    statements NUMBER(9, 0) COMMENT 'Statements sent to Snowflake up to this row',
    tables VARIANT NOT NULL COMMENT 'Array of {name, windows, extract_seconds, watermark, oldest_transaction, null_cursor_rows, warnings}'
)
COMMENT = 'Tables of a group in which nothing was new: one row for all of a run, not one for each; TIDY makes rows of SYNC_RUNS of them';

CREATE TABLE IF NOT EXISTS sync_parts (
    table_name VARCHAR(255) NOT NULL,
    snapshot_id VARCHAR(64) NOT NULL COMMENT 'Run that planned the snapshot',
    part VARCHAR(64) NOT NULL COMMENT '#plan, #closed, or the name of a part',
    run_id VARCHAR(64) NOT NULL COMMENT 'Run that did it',
    identity_sha256 VARCHAR(64) NOT NULL COMMENT 'Digest of configuration and watermark version; only the same goes on',
    message VARCHAR(134217728) COMMENT 'JSON reply: the plan, or the manifest of the part',
    recorded_at TIMESTAMP_TZ(6) NOT NULL
)
COMMENT = 'Finished parts of snapshots, so that a failed snapshot goes on where it stopped';

CREATE TABLE IF NOT EXISTS sync_columns (
    table_name VARCHAR(255) NOT NULL,
    generation NUMBER(19, 0) NOT NULL COMMENT 'Grows by one whenever the columns change',
    run_id VARCHAR(64) NOT NULL,
    shape VARCHAR(16777216) NOT NULL COMMENT 'JSON: each source column, its attribute number and target column',
    recorded_at TIMESTAMP_TZ(6) NOT NULL
)
COMMENT = 'Columns of each table as a commit left them; tells a renamed column from a new one';

CREATE TABLE IF NOT EXISTS sync_schema_changes (
    table_name VARCHAR(255) NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    change VARCHAR(20) NOT NULL COMMENT 'What happened; docs/SCHEMA_DRIFT.md lists the words',
    column_name VARCHAR(255) NOT NULL COMMENT 'Column in the source',
    attribute_number NUMBER(9, 0) COMMENT 'attnum in PostgreSQL',
    target_column VARCHAR(255) COMMENT 'Column of the target that holds it from then on',
    old_column_name VARCHAR(255) COMMENT 'Renamed columns: name in the source before',
    source_type VARCHAR(1000),
    old_type VARCHAR(255) COMMENT 'Snowflake type before',
    new_type VARCHAR(255) COMMENT 'Snowflake type now',
    recorded_at TIMESTAMP_TZ(6) NOT NULL
)
COMMENT = 'What happened to the columns of each target';

CREATE TABLE IF NOT EXISTS sync_altered_values (
    table_name VARCHAR(255) NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    column_name VARCHAR(255) NOT NULL,
    row_count NUMBER(19, 0) NOT NULL COMMENT 'Values replaced by NULL',
    sample_keys VARIANT COMMENT 'Up to ten keys',
    recorded_at TIMESTAMP_TZ(6) NOT NULL
)
COMMENT = 'Values that Snowflake has no place for and that were replaced by NULL';

CREATE TABLE IF NOT EXISTS sync_pauses (
    table_name VARCHAR(255) NOT NULL,
    paused BOOLEAN NOT NULL COMMENT 'TRUE: PAUSE_TABLE, FALSE: RESUME_TABLE',
    reason VARCHAR(16384),
    changed_at TIMESTAMP_TZ(6) NOT NULL,
    changed_by VARCHAR(255)
)
COMMENT = 'Who paused and resumed which table, and why; the latest row of a table counts';

-- The leases of APPLY_CONFIG, RAISE_ALERTS and TIDY; tables get theirs when they are configured.
INSERT INTO sync_leases (table_name)
SELECT v.column1
FROM VALUES ('#config'), ('#alerts'), ('#tidy') AS v
WHERE NOT EXISTS (SELECT 1 FROM sync_leases AS l WHERE l.table_name = v.column1);
