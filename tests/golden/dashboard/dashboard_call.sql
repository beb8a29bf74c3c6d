CALL control.pause_table(?, ?);
-- 1: "orders"
-- 2: "paused in the dashboard"
