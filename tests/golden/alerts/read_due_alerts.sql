SELECT
    table_name,
    group_name,
    kind,
    error_code,
    message,
    hint,
    TO_VARCHAR(since) AS since
FROM control.sync_due_alerts
ORDER BY table_name;
