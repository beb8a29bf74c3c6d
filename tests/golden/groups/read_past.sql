SELECT
    r.table_name,
    MAX_BY(
        r.extract_seconds + r.load_seconds + r.merge_seconds,
        IFF(r.status = 'succeeded', r.finished_at, NULL)
    ) AS seconds,
    MAX_BY(COALESCE(r.error_code, ''), r.finished_at) AS last_error
FROM control.sync_recent_runs AS r
WHERE
    r.finished_at > DATEADD('day', ?, CURRENT_TIMESTAMP())
    AND r.table_name IN (
        SELECT t.table_name
        FROM control.sync_current_tables AS t
        WHERE UPPER(t.group_name) = UPPER(?)
    )
GROUP BY r.table_name;
-- 1: -14
-- 2: "hourly"
