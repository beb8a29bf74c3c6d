SELECT
    table_name, run_id, kind, finished_at, error_code, error_message, error_hint
FROM control.sync_history
WHERE error_code IS NOT NULL
    AND finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
ORDER BY finished_at DESC
LIMIT 200;
-- 1: -30
