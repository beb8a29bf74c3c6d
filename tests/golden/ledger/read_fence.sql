SELECT
    (
        SELECT COUNT(*)
        FROM control.sync_watermarks
        WHERE table_name = ? AND version > ?
    ) AS newer,
    (
        SELECT MAX(run_id)
        FROM control.sync_leases
        WHERE table_name = ?
    ) AS owner;
-- 1: "orders"
-- 2: 7
-- 3: "orders"
