INSERT INTO control.sync_captures (
    source_name, version, run_id, kind, reason, recorded_at
)
SELECT ?, ?, ?, 'gap', ?, CURRENT_TIMESTAMP()
WHERE (
    SELECT COALESCE(MAX(version), 0)
    FROM control.sync_captures
    WHERE source_name = ?
) = ?;
-- 1: "shop"
-- 2: 5
-- 3: "20260102T030405-0123456789ab"
-- 4: "resync"
-- 5: "shop"
-- 6: 4
