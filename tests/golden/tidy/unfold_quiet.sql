INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
)
SELECT
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
FROM control.sync_quiet_tables
WHERE finished_at < TO_TIMESTAMP_TZ(?);
-- 1: "2026-01-02T03:04:05+00:00"
