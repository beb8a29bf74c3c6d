SELECT table_name, code, message, hint, recorded_at, run_id
FROM control.sync_warnings
ORDER BY code, table_name;
