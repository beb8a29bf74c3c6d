UPDATE control.sync_leases
SET expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE table_name = ? AND run_id = ?;
-- 1: 900
-- 2: "orders"
-- 3: "20260102T030405-0123456789ab"
