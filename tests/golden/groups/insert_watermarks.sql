INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, target_rows, recorded_at
)
SELECT
    v.column1, v.column2, ?, 'increment', v.column3,
    v.column4, v.column5, v.column6, v.column7,
    v.column8, v.column9, v.column10, 0, v.column11,
    v.column12, w.target_rows, CURRENT_TIMESTAMP()
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR))
    AS v
INNER JOIN control.sync_current_watermarks AS w
    ON v.column1 = w.table_name AND v.column2 = w.version;
-- 1: "20260102T030405-0123456789ab"
-- 2: "orders"
-- 3: 8
-- 4: "{}"
-- 5: "2026-01-02 00:00:00+00"
-- 6: "timestamp with time zone"
-- 7: null
-- 8: null
-- 9: 3
-- 10: "d1"
-- 11: "c0ffee"
-- 12: "{\"relation_id\":1,\"members\":[{\"oid\":1,\"filenode\":2,\"linked\":\"\"}],\"system\":\"\",\"timeline\":0,\"next_transaction\":0,\"sequence\":null,\"columns\":\"\",\"types\":\"\"}"
-- 13: null
-- 14: "items"
-- 15: 2
-- 16: "{}"
-- 17: null
-- 18: null
-- 19: "7"
-- 20: "now"
-- 21: null
-- 22: null
-- 23: null
-- 24: null
-- 25: null
