SELECT
    p.snapshot_id,
    p.part,
    p.message
FROM control.sync_parts AS p
WHERE
    p.table_name = ?
    AND p.identity_sha256 = ?
    AND p.recorded_at > DATEADD('hour', ?, CURRENT_TIMESTAMP())
    AND NOT EXISTS (
        SELECT 1
        FROM control.sync_parts AS c
        WHERE
            c.table_name = p.table_name
            AND c.snapshot_id = p.snapshot_id
            AND c.part = '#closed'
    )
ORDER BY p.recorded_at;
-- 1: "orders"
-- 2: "c0ffee"
-- 3: -24
