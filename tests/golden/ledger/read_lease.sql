SELECT
    run_id,
    TO_VARCHAR(acquired_at) AS acquired_at,
    TO_VARCHAR(expires_at) AS expires_at
FROM control.sync_leases
WHERE table_name = ?;
-- 1: "orders"
