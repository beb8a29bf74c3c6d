SELECT error_code
FROM control.sync_recent_runs
WHERE table_name = ?
ORDER BY finished_at DESC
LIMIT 1;
-- 1: "orders"
