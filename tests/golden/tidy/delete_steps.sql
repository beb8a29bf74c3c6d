DELETE FROM control.sync_group_steps
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND group_run_id NOT IN (
        SELECT MAX_BY(s.group_run_id, s.recorded_at)
        FROM control.sync_group_steps AS s
        GROUP BY UPPER(s.group_name), s.origin
    );
-- 1: "2026-01-02T03:04:05+00:00"
