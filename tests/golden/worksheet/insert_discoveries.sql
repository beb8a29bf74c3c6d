INSERT INTO control.sync_discoveries (
    what, source, source_table, table_name, policy, recorded_at
)
SELECT column1, column2, column3, column4, column5, CURRENT_TIMESTAMP()
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR));
-- 1: "new"
-- 2: "shop"
-- 3: "erp.a"
-- 4: "erp.a"
-- 5: "add"
-- 6: "looked"
-- 7: ""
-- 8: ""
-- 9: ""
-- 10: ""
