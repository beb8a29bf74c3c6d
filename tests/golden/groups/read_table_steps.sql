SELECT
    group_run_id,
    group_name,
    origin,
    table_name,
    step,
    status,
    identity_sha256,
    message,
    error_code,
    error_message,
    error_retryable,
    error_hint,
    lane,
    place
FROM control.sync_group_steps
WHERE (table_name = ? OR (table_name IS NULL AND step = 'extract')) AND group_run_id = ?
ORDER BY recorded_at;
-- 1: "orders"
-- 2: "20260102T030405-0123456789ab"
