SELECT
    group_name,
    table_name
FROM control.sync_current_tables
WHERE UPPER(group_name) = UPPER(?)
ORDER BY table_name;
-- 1: "hourly"
