INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP();
-- 1: "orders"
-- 2: 8
-- 3: "20260102T030405-0123456789ab"
-- 4: "increment"
-- 5: "o"
-- 6: "2026-01-02 00:00:00+00"
-- 7: "timestamp with time zone"
-- 8: "41"
-- 9: "2026-01-02 00:00:00+00"
-- 10: 3
-- 11: "99"
-- 12: "c0ffee"
-- 13: 2
-- 14: null
-- 15: null
-- 16: null
-- 17: null
-- 18: null
