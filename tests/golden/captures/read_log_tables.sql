SELECT settings
FROM control.sync_current_tables
WHERE settings LIKE '%"mode": "log"%'
ORDER BY table_name;
