INSERT INTO control.sync_capture_tables (
    source_name, version, table_name, key_count, truncated, whole, files,
    error_code, error_message, error_retryable, error_hint
)
SELECT
    column1, column2, column3, column4, column5, column6, column7,
    column8, column9, column10, column11
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS BOOLEAN), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS BOOLEAN), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS BOOLEAN), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS BOOLEAN), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS BOOLEAN), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS BOOLEAN), CAST(? AS VARCHAR));
-- 1: "shop"
-- 2: 5
-- 3: "orders"
-- 4: 2
-- 5: true
-- 6: null
-- 7: "[{\"path\": \"changes/shop/20260102T030405-0123456789ab/c1/orders-00000.keys.gz\", \"rows\": 2, \"bytes\": 30, \"sha256\": \"abababababababababababababababababababababababababababababababab\", \"etag\": \"\"}]"
-- 8: null
-- 9: null
-- 10: null
-- 11: null
-- 12: "shop"
-- 13: 5
-- 14: "items"
-- 15: 0
-- 16: false
-- 17: null
-- 18: "[]"
-- 19: "replica_identity"
-- 20: "No key."
-- 21: false
-- 22: "Add one."
-- 23: "shop"
-- 24: 5
-- 25: "lines"
-- 26: 0
-- 27: false
-- 28: "too_many_changes"
-- 29: "[]"
-- 30: null
-- 31: null
-- 32: null
-- 33: null
