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
    ?, ?, ?, ?, PARSE_JSON(?);
