DELETE FROM control.sync_altered_values
WHERE recorded_at < TO_TIMESTAMP_TZ(?);
-- 1: "2026-01-02T03:04:05+00:00"
