CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION('{"text/plain": "t"}', '{"MAIL": {"subject": "s", "toAddress": ["a@example.com"]}}');
