CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION('{"application/json": "{\\"subject\\": \\"s\\", \\"text\\": \\"t\\"}"}', '{"TOPIC": {}}');
