CREATE OR ALTER TASK control."EXTRACT_HOURLY"
WAREHOUSE = "IT'S MINE"
SCHEDULE = 'USING CRON 0 * * * * UTC'
AUTOCOMMIT = TRUE
ROWS_PER_RESULTSET = 0
QUERY_TAG = 'aurora_sync:hourly:EXTRACT_HOURLY'
USER_TASK_TIMEOUT_MS = 14400000
SUSPEND_TASK_AFTER_NUM_FAILURES = 0
TASK_AUTO_RETRY_ATTEMPTS = 0
COMMENT = 'Aurora sync, group hourly: extracts what is new in all tables [3a55f9593b4aafc6]'
AS
DECLARE
    report VARIANT;
    lanes VARCHAR;
BEGIN
    CALL control.extract_lanes('hourly', 8) INTO :report;
    lanes := GET(report, 'lanes')::VARCHAR;
    CALL SYSTEM$SET_RETURN_VALUE(:lanes);
END;
