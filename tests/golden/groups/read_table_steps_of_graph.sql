SELECT
    group_run_id,
    group_name,
    origin,
    table_name,
    step,
    status,
    identity_sha256,
    message,
    error_code,
    error_message,
    error_retryable,
    error_hint,
    lane,
    place
FROM control.sync_group_steps
WHERE
    (table_name = ? OR (table_name IS NULL AND step = 'extract'))
    AND group_run_id = (
        SELECT MAX_BY(x.group_run_id, x.recorded_at)
        FROM control.sync_group_steps AS x
        INNER JOIN control.sync_current_tables AS t
            ON UPPER(x.group_name) = UPPER(t.group_name)
        WHERE t.table_name = ? AND x.origin = 'graph' AND x.step = 'extract'
    )
ORDER BY recorded_at;
-- 1: "orders"
-- 2: "orders"
