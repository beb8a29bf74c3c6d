UPDATE control.sync_leases
SET
    previous_run_id = NULL,
    run_id = ?,
    acquired_at = CURRENT_TIMESTAMP(),
    expires_at = DATEADD('second', ?, CURRENT_TIMESTAMP())
WHERE
    table_name = '#tidy'
    AND (run_id IS NULL OR expires_at < CURRENT_TIMESTAMP())
    AND (
        acquired_at IS NULL
        OR acquired_at <= DATEADD('hour', ?, CURRENT_TIMESTAMP())
    );
-- 1: "tidy-1"
-- 2: 3600
-- 3: -23
