SELECT
    group_run_id,
    group_name,
    origin,
    table_name,
    step,
    status,
    identity_sha256,
    IFF(step = 'extract' AND table_name IS NOT NULL, NULL, message) AS message,
    error_code,
    error_message,
    error_retryable,
    error_hint,
    lane,
    place
FROM control.sync_group_steps
WHERE group_run_id = ?
ORDER BY recorded_at;
-- 1: "20260102T030405-0123456789ab"
