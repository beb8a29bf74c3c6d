CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(?, ?);
-- 1: "{\"application/json\": \"{\\\"subject\\\": \\\"s\\\", \\\"text\\\": \\\"t\\\"}\"}"
-- 2: "{\"TOPIC\": {}}"
