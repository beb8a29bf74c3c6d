INSERT INTO control.sync_captures (
    source_name, version, run_id, kind, from_lsn, to_lsn, server, complete,
    commits, changes, retained_bytes, restart_lsn, wal_status, catalog_xmin_age,
    oldest_transaction, extract_seconds, captured_at, table_names, recorded_at
)
SELECT
    ?, ?, ?, 'capture', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP()
WHERE (
    SELECT COALESCE(MAX(version), 0)
    FROM control.sync_captures
    WHERE source_name = ?
) = ?;
-- 1: "shop"
-- 2: 5
-- 3: "20260102T030405-0123456789ab"
-- 4: "0/100"
-- 5: "0/200"
-- 6: "7:00000001"
-- 7: true
-- 8: 1
-- 9: 2
-- 10: 272
-- 11: "0/90"
-- 12: "reserved"
-- 13: 0
-- 14: null
-- 15: 0.25
-- 16: "2026-01-02 03:04:05+00"
-- 17: "[\"items\", \"orders\"]"
-- 18: "shop"
-- 19: 4
