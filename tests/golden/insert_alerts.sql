INSERT INTO control.sync_alerts (
    table_name, group_name, kind, error_code, message, hint,
    sent_to, send_error, raised_at, remind_at
)
SELECT
    column1, column2, column3, column4, column5, column6,
    ?, ?, CURRENT_TIMESTAMP(), DATEADD('minute', ?, CURRENT_TIMESTAMP())
FROM VALUES
    (?, ?, ?, ?, ?, ?),
    (?, ?, ?, ?, ?, ?);
