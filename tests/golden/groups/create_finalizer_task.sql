CREATE OR ALTER TASK control."FINISH_MY-GROUP.X"
USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
QUERY_TAG = 'aurora_sync:my-group.x:FINISH_MY-GROUP.X'
USER_TASK_TIMEOUT_MS = 14400000
COMMENT = 'Aurora sync, group my-group.x: closes the run and raises alerts [934fef42fa61ff5c]'
FINALIZE = control."EXTRACT_MY-GROUP.X"
AS
CALL control.finish_group('my-group.x');
