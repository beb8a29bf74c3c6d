CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION('{"text/plain": "one line"}', '{"SLACK": {}}');
