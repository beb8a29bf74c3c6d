SELECT
    table_name,
    group_name,
    kind,
    error_code,
    message,
    hint,
    TO_VARCHAR(since) AS since
FROM control.sync_problems
WHERE alert_due
ORDER BY table_name;
