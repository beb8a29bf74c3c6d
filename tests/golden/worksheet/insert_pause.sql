INSERT INTO control.sync_pauses (table_name, paused, reason, changed_at, changed_by)
SELECT ?, ?, ?, CURRENT_TIMESTAMP(), CURRENT_USER();
-- 1: "orders"
-- 2: true
-- 3: "migration"
