CREATE OR ALTER TASK control."LOAD_ORDERS"
USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'
AUTOCOMMIT = TRUE
ROWS_PER_RESULTSET = 0
QUERY_TAG = 'aurora_sync:my-group.x:LOAD_ORDERS'
USER_TASK_TIMEOUT_MS = 14400000
COMMENT = 'Aurora sync, group my-group.x: loads the files of orders [12ece8e6527c4b8b]'
AFTER control."EXTRACT_MY-GROUP.X"
AS
CALL control.load_table('orders');
