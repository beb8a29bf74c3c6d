DELETE FROM control.sync_watermarks
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, version, recorded_at) NOT IN (
        SELECT w.table_name, w.version, w.recorded_at
        FROM control.sync_current_watermarks AS w
    );
-- 1: "2026-01-02T03:04:05+00:00"
