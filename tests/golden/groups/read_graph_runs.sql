SELECT r.group_run_id
FROM (
    SELECT
        group_run_id,
        MIN(recorded_at) AS began_at,
        MAX(IFF(step = 'finished', 1, 0)) AS ended
    FROM control.sync_group_steps
    WHERE UPPER(group_name) = UPPER(?) AND origin = 'graph'
    GROUP BY group_run_id
) AS r
QUALIFY r.ended = 0 OR ROW_NUMBER() OVER (ORDER BY r.began_at DESC) = 1
ORDER BY r.began_at;
-- 1: "hourly"
