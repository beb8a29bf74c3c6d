INSERT INTO control.sync_parts (
    table_name, run_id, snapshot_id, part, identity_sha256, message, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP();
-- 1: "orders"
-- 2: "20260102T030405-0123456789ab"
-- 3: "snapshot"
-- 4: "p00001"
-- 5: "c0ffee"
-- 6: "{}"
