SELECT
    table_name, run_id, kind, status, started_at, finished_at, total_seconds,
    extract_seconds, load_seconds, merge_seconds, rows_extracted, rows_inserted,
    rows_updated, rows_deleted, files, bytes, statements, error_code
FROM control.sync_history
WHERE table_name = ? AND finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
ORDER BY finished_at DESC
LIMIT 500;
-- 1: "orders"
-- 2: -7
