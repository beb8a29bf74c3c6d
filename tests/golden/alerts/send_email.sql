CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(?, ?);
-- 1: "{\"text/plain\": \"t\"}"
-- 2: "{\"MAIL\": {\"subject\": \"s\", \"toAddress\": [\"a@example.com\"]}}"
