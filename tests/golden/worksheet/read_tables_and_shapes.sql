SELECT
    t.settings,
    c.shape
FROM control.sync_current_tables AS t
LEFT JOIN control.sync_current_columns AS c ON t.table_name = c.table_name
ORDER BY t.table_name;
