UPDATE control.sync_leases
SET
    run_id = NULL,
    previous_run_id = NULL,
    expires_at = NULL
WHERE run_id = ?
    AND table_name NOT IN (
        SELECT s.table_name
        FROM control.sync_group_steps AS s
        WHERE
            s.group_run_id = ?
            AND s.step = 'extract'
            AND s.status IN ('succeeded', 'alone')
            AND s.table_name IS NOT NULL
    );
-- 1: "20260102T030405-0123456789ab"
-- 2: "20260102T030405-0123456789ab"
