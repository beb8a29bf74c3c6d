SELECT
    table_name, group_name, state, fresh_as_of, freshness_minutes,
    freshness_sla_minutes, watermark, oldest_transaction, target_name, paused_reason,
    last_run_id, last_run_status, last_run_finished_at, last_rows_extracted,
    last_rows_inserted, last_rows_updated, last_bytes, null_cursor_rows,
    last_error_code, last_error_message, last_error_retryable, last_error_hint,
    schema_changes, altered_values
FROM control.sync_status
ORDER BY table_name;
