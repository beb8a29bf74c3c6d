SELECT settings FROM control.sync_current_tables ORDER BY table_name;
