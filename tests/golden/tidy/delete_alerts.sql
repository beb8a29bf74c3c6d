DELETE FROM control.sync_alerts
WHERE
    raised_at < TO_TIMESTAMP_TZ(?)
    AND remind_at < CURRENT_TIMESTAMP();
-- 1: "2026-01-02T03:04:05+00:00"
