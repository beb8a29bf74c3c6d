INSERT INTO control.sync_group_steps (
    group_run_id, group_name, origin, table_name, step, status,
    identity_sha256, message,
    error_code, error_message, error_retryable, error_hint, lane, place, recorded_at
)
SELECT
    column1, column2, column3, column4, column5, column6, column7, column8,
    column9, column10, column11, column12, column13, column14, CURRENT_TIMESTAMP()
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS BOOLEAN), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS NUMBER)),
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS BOOLEAN), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS NUMBER));
-- 1: "20260102T030405-0123456789ab"
-- 2: "hourly"
-- 3: "graph"
-- 4: "orders"
-- 5: "extract"
-- 6: "succeeded"
-- 7: "c0ffee"
-- 8: "{}"
-- 9: null
-- 10: null
-- 11: null
-- 12: null
-- 13: null
-- 14: null
-- 15: "20260102T030405-0123456789ab"
-- 16: "hourly"
-- 17: "graph"
-- 18: "orders"
-- 19: "extract"
-- 20: "succeeded"
-- 21: "c0ffee"
-- 22: "{}"
-- 23: null
-- 24: null
-- 25: null
-- 26: null
-- 27: null
-- 28: null
