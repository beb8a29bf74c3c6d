INSERT INTO control.sync_alerts (
    table_name, group_name, kind, error_code, message, hint,
    sent_to, send_error, raised_at, remind_at
)
SELECT
    column1, column2, column3, column4, column5, column6,
    ?, ?, CURRENT_TIMESTAMP(), DATEADD('minute', ?, CURRENT_TIMESTAMP())
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR), CAST(? AS VARCHAR));
-- 1: "MAIL"
-- 2: null
-- 3: 60
-- 4: "orders"
-- 5: "hourly"
-- 6: "failed"
-- 7: "lease_lost"
-- 8: "gone"
-- 9: "wait"
-- 10: "orders"
-- 11: "hourly"
-- 12: "failed"
-- 13: "lease_lost"
-- 14: "gone"
-- 15: "wait"
