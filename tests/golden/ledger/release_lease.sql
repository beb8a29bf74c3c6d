UPDATE control.sync_leases
SET
    run_id = NULL,
    previous_run_id = NULL,
    expires_at = NULL
WHERE table_name = ? AND run_id = ?;
-- 1: "orders"
-- 2: "20260102T030405-0123456789ab"
