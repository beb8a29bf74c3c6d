SELECT
    group_name,
    table_name
FROM control.sync_current_tables
WHERE group_name IS NOT NULL
ORDER BY group_name, table_name;
