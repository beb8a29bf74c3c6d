CREATE OR ALTER TASK control."EXTRACT_HOURLY"
WAREHOUSE = "IT'S MINE"
SCHEDULE = 'USING CRON 0 * * * * UTC'
QUERY_TAG = 'aurora_sync:hourly:EXTRACT_HOURLY'
USER_TASK_TIMEOUT_MS = 14400000
SUSPEND_TASK_AFTER_NUM_FAILURES = 0
TASK_AUTO_RETRY_ATTEMPTS = 0
COMMENT = 'Aurora sync, group hourly: extracts what is new in all tables [5c2f13857024e37f]'
AS
CALL control.extract_group('hourly');
