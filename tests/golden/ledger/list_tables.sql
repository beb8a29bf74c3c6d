SELECT table_name FROM control.sync_current_tables ORDER BY table_name;
