INSERT INTO control.sync_group_steps (
    group_run_id, group_name, origin, table_name, step, status,
    identity_sha256, message,
    error_code, error_message, error_retryable, error_hint, recorded_at
)
SELECT
    column1, column2, column3, column4, column5, column6, column7, column8,
    column9, column10, column11, column12, CURRENT_TIMESTAMP()
FROM VALUES
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?),
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
