INSERT INTO control.sync_columns (
    table_name, generation, run_id, shape, recorded_at
)
SELECT ?, ?, ?, ?, CURRENT_TIMESTAMP();
-- 1: "orders"
-- 2: 2
-- 3: "20260102T030405-0123456789ab"
-- 4: "{\"columns\": [{\"attnum\": 1, \"base\": \"ID\", \"moving_to\": \"\", \"name\": \"id\", \"protection\": \"\", \"state\": \"loaded\", \"target\": \"ID\", \"type\": \"NUMBER(19,0)\"}], \"generation\": 2, \"key\": [\"id\"], \"relation\": 16384, \"route\": \"[]\"}"
