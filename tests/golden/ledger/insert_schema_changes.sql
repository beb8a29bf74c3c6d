INSERT INTO control.sync_schema_changes (
    table_name, run_id, change, column_name, attribute_number,
    target_column, old_column_name, source_type, old_type, new_type, recorded_at
)
SELECT
    column1, column2, column3, column4, column5,
    column6, column7, column8, column9, column10, CURRENT_TIMESTAMP()
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR));
-- 1: "orders"
-- 2: "20260102T030405-0123456789ab"
-- 3: "created"
-- 4: "id"
-- 5: 1
-- 6: "ID"
-- 7: null
-- 8: "bigint"
-- 9: null
-- 10: "NUMBER(19,0)"
-- 11: "orders"
-- 12: "20260102T030405-0123456789ab"
-- 13: "renamed"
-- 14: "note"
-- 15: 2
-- 16: "NOTE"
-- 17: "remark"
-- 18: "text"
-- 19: "VARCHAR(9)"
-- 20: "VARCHAR(9)"
