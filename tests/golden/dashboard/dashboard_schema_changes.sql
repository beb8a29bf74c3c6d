SELECT recorded_at, table_name, column_name, change, old_type, new_type
FROM control.sync_schema_changes
WHERE change <> 'created'
ORDER BY recorded_at DESC
LIMIT 200;
