CREATE OR ALTER TASK control."EXTRACT_MY-GROUP.X"
USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
SCHEDULE = '60 MINUTES'
AUTOCOMMIT = TRUE
ROWS_PER_RESULTSET = 0
QUERY_TAG = 'aurora_sync:my-group.x:EXTRACT_MY-GROUP.X'
USER_TASK_TIMEOUT_MS = 14400000
SUSPEND_TASK_AFTER_NUM_FAILURES = 0
TASK_AUTO_RETRY_ATTEMPTS = 0
COMMENT = 'Aurora sync, group my-group.x: extracts what is new in all tables [12c7d2cdd7dbaeb5]'
AS
DECLARE
    report VARIANT;
    lanes VARCHAR;
BEGIN
    CALL control.extract_lanes('my-group.x', 8) INTO :report;
    lanes := GET(report, 'lanes')::VARCHAR;
    CALL SYSTEM$SET_RETURN_VALUE(:lanes);
END;
