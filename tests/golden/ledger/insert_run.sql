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
-- 1: "20260102T030405-0123456789ab"
-- 2: "orders"
-- 3: "increment"
-- 4: "failed"
-- 5: "2026-01-02T03:04:05+00:00"
-- 6: 1
-- 7: 2
-- 8: 0
-- 9: 0
-- 10: 0
-- 11: 0
-- 12: 0
-- 13: 0.0
-- 14: 0.0
-- 15: 0.0
-- 16: 9
-- 17: null
-- 18: null
-- 19: -1
-- 20: "lease_lost"
-- 21: "gone"
-- 22: true
-- 23: "Another run took the table over; nothing of this run was kept."
-- 24: "[]"
