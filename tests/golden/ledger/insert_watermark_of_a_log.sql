INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP();
-- 1: "orders"
-- 2: 9
-- 3: "20260102T030405-0123456789ab"
-- 4: "increment"
-- 5: "[]"
-- 6: "0/16B3748"
-- 7: "pg_lsn"
-- 8: null
-- 9: null
-- 10: null
-- 11: null
-- 12: "c0ffee"
-- 13: 2
-- 14: null
-- 15: null
-- 16: 12
-- 17: "{\"relation_id\":7,\"published\":\"5.6\",\"replica_identity\":\"d\",\"key\":[\"1:id\"],\"leaves\":[{\"oid\":7,\"filenode\":8,\"persistence\":\"p\",\"linked\":\"\"}]}"
-- 18: null
