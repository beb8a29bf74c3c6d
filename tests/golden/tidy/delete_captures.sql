DELETE FROM control.sync_captures
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND (source_name, version) NOT IN (
        SELECT c.source_name, c.version
        FROM control.sync_captures AS c
        QUALIFY
            ROW_NUMBER() OVER (PARTITION BY c.source_name ORDER BY c.version DESC)
            <= ?
    );
-- 1: "2026-01-02T03:04:05+00:00"
-- 2: 1000
