UPDATE control.sync_leases
SET expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE table_name = ? AND run_id = ?;
