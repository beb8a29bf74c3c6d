SELECT
    file_name,
    status,
    row_count,
    file_size,
    error_count
FROM TABLE(information_schema.copy_history(
    TABLE_NAME => 'STAGING.P_MY_ORDERS_X_E5D0009CDA78__LANDED_6',
    START_TIME => DATEADD('day', -8, CURRENT_TIMESTAMP())
))
WHERE CONTAINS(file_name, ?) OR CONTAINS(file_name, ?);
-- 1: "20260102T030405-0123456789ab/"
-- 2: "other/"
