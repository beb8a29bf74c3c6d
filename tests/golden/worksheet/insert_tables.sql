INSERT INTO control.sync_tables (
    version, table_name, group_name, target_name, freshness_sla_minutes, settings
)
VALUES
    (CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR)),
    (CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR));
-- 1: 3
-- 2: "orders"
-- 3: null
-- 4: "\"SHOP\".\"ORDERS\""
-- 5: null
-- 6: "{\"backfill_new_columns\": false, \"chunk_rows\": 1000000, \"cluster_by\": [], \"columns\": [], \"comments\": true, \"current_view\": false, \"cursor\": \"updated_at\", \"cursor_also\": [], \"delete_action\": \"soft\", \"delete_check_minutes\": 1440, \"delete_column\": null, \"deletes\": \"none\", \"drop_history\": false, \"duplicate_keys\": \"fail\", \"exclude\": [], \"file_bytes\": 150000000, \"freshness_sla_minutes\": null, \"group\": null, \"history\": false, \"history_columns\": [], \"history_days\": null, \"history_time\": \"cursor\", \"key\": [], \"keys_in_messages\": false, \"load_method\": \"copy\", \"log_max_wal_bytes\": 8192000000, \"log_on_gap\": \"fail\", \"log_on_huge\": \"whole\", \"log_publication\": \"\", \"log_publish\": \"rows\", \"log_slot\": \"\", \"lookback_seconds\": null, \"lookback_values\": null, \"margin_seconds\": 5.0, \"max_delete_percent\": 10.0, \"max_parallel\": 8, \"mode\": \"incremental\", \"name\": \"orders\", \"null_cursor\": \"load\", \"on_truncate\": \"delete\", \"pipe_wait_seconds\": 600, \"primary_key\": true, \"protected_tag\": null, \"readers\": [], \"relation\": \"orders\", \"schema\": \"public\", \"schema_drift\": \"evolve\", \"source\": \"shop\", \"source_changed\": \"reload\", \"special_values\": \"null\", \"target_database\": null, \"target_schema\": \"shop\", \"target_table\": \"orders\", \"time_zone\": \"\", \"trim_char\": false, \"type_change\": \"fail\", \"where\": [], \"whole_table_percent\": 0}"
-- 7: 3
-- 8: "b"
-- 9: null
-- 10: "\"SHOP\".\"ORDERS\""
-- 11: null
-- 12: "{\"backfill_new_columns\": false, \"chunk_rows\": 1000000, \"cluster_by\": [], \"columns\": [], \"comments\": true, \"current_view\": false, \"cursor\": \"updated_at\", \"cursor_also\": [], \"delete_action\": \"soft\", \"delete_check_minutes\": 1440, \"delete_column\": null, \"deletes\": \"none\", \"drop_history\": false, \"duplicate_keys\": \"fail\", \"exclude\": [], \"file_bytes\": 150000000, \"freshness_sla_minutes\": null, \"group\": null, \"history\": false, \"history_columns\": [], \"history_days\": null, \"history_time\": \"cursor\", \"key\": [], \"keys_in_messages\": false, \"load_method\": \"copy\", \"log_max_wal_bytes\": 8192000000, \"log_on_gap\": \"fail\", \"log_on_huge\": \"whole\", \"log_publication\": \"\", \"log_publish\": \"rows\", \"log_slot\": \"\", \"lookback_seconds\": null, \"lookback_values\": null, \"margin_seconds\": 5.0, \"max_delete_percent\": 10.0, \"max_parallel\": 8, \"mode\": \"incremental\", \"name\": \"b\", \"null_cursor\": \"load\", \"on_truncate\": \"delete\", \"pipe_wait_seconds\": 600, \"primary_key\": true, \"protected_tag\": null, \"readers\": [], \"relation\": \"orders\", \"schema\": \"public\", \"schema_drift\": \"evolve\", \"source\": \"shop\", \"source_changed\": \"reload\", \"special_values\": \"null\", \"target_database\": null, \"target_schema\": \"shop\", \"target_table\": \"orders\", \"time_zone\": \"\", \"trim_char\": false, \"type_change\": \"fail\", \"where\": [], \"whole_table_percent\": 0}"
