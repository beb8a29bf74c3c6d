UPDATE control.sync_leases
SET expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE run_id = ?;
-- 1: 900
-- 2: "20260102T030405-0123456789ab"
