DELETE FROM control.sync_quiet_runs
WHERE
    finished_at < TO_TIMESTAMP_TZ(?)
    AND (run_id, finished_at) IN (
        SELECT r.run_id, r.finished_at
        FROM control.sync_runs AS r
    );
-- 1: "2026-01-02T03:04:05+00:00"
