CREATE OR ALTER TASK control."FINISH_MY-GROUP.X"
USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
AUTOCOMMIT = TRUE
ROWS_PER_RESULTSET = 0
QUERY_TAG = 'aurora_sync:my-group.x:FINISH_MY-GROUP.X'
USER_TASK_TIMEOUT_MS = 14400000
COMMENT = 'Aurora sync, group my-group.x: closes the run and raises alerts [982b3181df5b3ab5]'
FINALIZE = control."EXTRACT_MY-GROUP.X"
AS
CALL control.finish_group('my-group.x');
