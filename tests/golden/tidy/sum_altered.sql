INSERT INTO control.sync_altered_values (
    table_name, run_id, column_name, row_count, sample_keys, recorded_at
)
SELECT table_name, ?, column_name, SUM(row_count), NULL, CURRENT_TIMESTAMP()
FROM control.sync_altered_values
WHERE recorded_at < TO_TIMESTAMP_TZ(?)
GROUP BY table_name, column_name;
-- 1: "tidy-1"
-- 2: "2026-01-02T03:04:05+00:00"
