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
    lane = ?
    AND step = 'extract'
    AND group_run_id = (
        SELECT MAX_BY(x.group_run_id, x.recorded_at)
        FROM control.sync_group_steps AS x
        WHERE
            UPPER(x.group_name) = UPPER(?)
            AND x.origin = 'graph'
            AND x.step = 'started'
    )
ORDER BY place;
-- 1: 2
-- 2: "hourly"
