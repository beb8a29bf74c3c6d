INSERT INTO control.sync_altered_values (
    table_name, run_id, column_name, row_count, sample_keys, recorded_at
)
SELECT column1, column2, column3, column4, PARSE_JSON(column5), CURRENT_TIMESTAMP()
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR));
-- 1: "orders"
-- 2: "20260102T030405-0123456789ab"
-- 3: "paid_at"
-- 4: 2
-- 5: "[{\"id\": 1},{\"id\": 2}]"
