INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
)
SELECT
    ?, column1, 'increment', 'failed', TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(),
    0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, ?, -1,
    column2, column3, column4, column5, PARSE_JSON('[]')
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS BOOLEAN), CAST(? AS VARCHAR));
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02T03:04:05+00:00"
-- 3: 12
-- 4: "orders"
-- 5: "lease_held"
-- 6: "Held."
-- 7: true
-- 8: "Wait."
