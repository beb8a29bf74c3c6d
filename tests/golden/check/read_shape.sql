SELECT shape FROM control.sync_current_columns WHERE table_name = ?;
-- 1: "orders"
