SELECT recorded_at, table_name, column_name, row_count, sample_keys
FROM control.sync_altered_values
ORDER BY recorded_at DESC
LIMIT 200;
