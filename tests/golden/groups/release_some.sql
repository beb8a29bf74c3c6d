UPDATE control.sync_leases
SET
    run_id = NULL,
    previous_run_id = NULL,
    expires_at = NULL
WHERE run_id = ? AND table_name IN (?, ?);
-- 1: "20260102T030405-0123456789ab"
-- 2: "orders"
-- 3: "lines"
