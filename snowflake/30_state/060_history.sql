-- Where TIDY moves what readers of the present need no more; see history_days.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_runs_history (
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
COMMENT = 'Runs that TIDY has moved out of SYNC_RUNS; SYNC_HISTORY has both';

CREATE TABLE IF NOT EXISTS sync_watermarks_history (
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
COMMENT = 'Watermarks that TIDY has moved out of SYNC_WATERMARKS';

ALTER TABLE sync_watermarks_history ADD COLUMN IF NOT EXISTS
    capture_version NUMBER(19, 0) COMMENT 'Mode log: captures up to this version are in the target';

ALTER TABLE sync_watermarks_history ADD COLUMN IF NOT EXISTS
    log_identity VARCHAR(16777216) COMMENT 'JSON, mode log: what the table was; tells what its log does not';

ALTER TABLE sync_watermarks_history ADD COLUMN IF NOT EXISTS
    target_rows NUMBER(19, 0) COMMENT 'Rows of the target then, as far as the sync has counted them; NULL: not known';
