INSERT INTO control.sync_quiet_runs (
    run_id, started_at, finished_at, statements, tables
)
SELECT
    ?, TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(), ?,
    ARRAY_AGG(
        OBJECT_CONSTRUCT(
            'name', column1,
            'windows', column2,
            'extract_seconds', column3,
            'watermark', column4,
            'oldest_transaction', column5,
            'null_cursor_rows', column6,
            'warnings', PARSE_JSON(column7)
        )
    )
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS NUMBER(12, 3)), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS NUMBER(12, 3)), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR));
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02T03:04:05+00:00"
-- 3: 12
-- 4: "orders"
-- 5: 1
-- 6: 0.0
-- 7: "2026-01-01 00:00:00+00"
-- 8: null
-- 9: -1
-- 10: "[]"
-- 11: "items"
-- 12: 0
-- 13: 0.0
-- 14: null
-- 15: null
-- 16: -1
-- 17: "[{\"code\": \"late\", \"message\": \"It's late.\", \"hint\": \"Wait.\"}]"
