UPDATE control.sync_leases
SET
    previous_run_id = run_id,
    run_id = ?,
    acquired_at = CURRENT_TIMESTAMP(),
    expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE
    table_name IN (
        SELECT t.table_name
        FROM control.sync_current_tables AS t
        WHERE UPPER(t.group_name) = UPPER(?)
    )
    AND (run_id IS NULL OR expires_at < CURRENT_TIMESTAMP());
-- 1: "20260102T030405-0123456789ab"
-- 2: 900
-- 3: "hourly"
