SELECT
    s.table_name, s.group_name, o.state, o.what, o.what_to_do, o.since, s.fresh_as_of,
    s.freshness_minutes, s.freshness_sla_minutes, s.watermark, s.oldest_transaction,
    s.target_name, s.last_run_id, s.last_run_finished_at, s.last_rows_extracted,
    s.last_bytes, s.last_error_code, s.last_error_message, s.last_error_retryable,
    s.last_error_hint, p.since AS problem_since
FROM control.sync_status AS s
INNER JOIN control.sync_overview AS o ON s.table_name = o.table_name
LEFT JOIN control.sync_problems AS p ON s.table_name = p.table_name
ORDER BY s.table_name;
