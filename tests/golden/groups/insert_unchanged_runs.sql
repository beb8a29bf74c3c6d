INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows, warnings
)
SELECT
    ?, column1, 'increment', 'unchanged', TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(),
    column2, 0, 0, 0, 0, 0, 0,
    column3, 0, 0, ?,
    column4, column5, column6, PARSE_JSON(column7)
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
