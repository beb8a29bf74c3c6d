SELECT
    table_name, run_id, kind, status, started_at, finished_at, total_seconds,
    extract_seconds, load_seconds, merge_seconds, rows_extracted, rows_inserted,
    rows_updated, rows_deleted, files, bytes, statements, error_code, error_message,
    error_retryable, error_hint
FROM control.sync_history
WHERE finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
ORDER BY finished_at DESC
LIMIT 2000;
-- 1: -7
