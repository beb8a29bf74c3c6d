INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
)
SELECT
    table_name, ?, ?, ?, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, ?, source_identity,
    NULL, capture_version, log_identity, target_rows + ?, CURRENT_TIMESTAMP()
FROM control.sync_current_watermarks
WHERE table_name = ? AND version = ?;
-- 1: 8
-- 2: "20260102T030405-0123456789ab"
-- 3: "key_compare"
-- 4: 3
-- 5: 0
-- 6: "orders"
-- 7: 7
