SELECT
    table_name,
    status,
    rows_extracted,
    error_code,
    error_message,
    error_retryable,
    error_hint
FROM control.sync_runs
WHERE run_id = ? AND finished_at >= TO_TIMESTAMP_TZ(?)
ORDER BY finished_at;
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02T03:04:05+00:00"
