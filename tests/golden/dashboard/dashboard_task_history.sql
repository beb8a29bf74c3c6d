SELECT name, state, error_message, scheduled_time, completed_time
FROM TABLE(information_schema.task_history(
    database_name => 'SYNC_DEV', schema_name => 'CONTROL',
    result_limit => 1000
))
ORDER BY scheduled_time DESC;
