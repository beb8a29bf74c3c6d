SELECT COALESCE(MAX(version), 0) FROM control.sync_config;
