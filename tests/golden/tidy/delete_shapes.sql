DELETE FROM control.sync_columns
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, generation) NOT IN (
        SELECT c.table_name, MAX(c.generation)
        FROM control.sync_columns AS c
        GROUP BY c.table_name
    );
-- 1: "2026-01-02T03:04:05+00:00"
