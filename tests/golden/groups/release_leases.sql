UPDATE control.sync_leases
SET
    run_id = NULL,
    previous_run_id = NULL,
    expires_at = NULL
WHERE run_id = ?;
-- 1: "20260102T030405-0123456789ab"
