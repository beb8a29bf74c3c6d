INSERT INTO control.sync_leases (table_name)
SELECT ?
WHERE NOT EXISTS (SELECT 1 FROM control.sync_leases AS l WHERE l.table_name = ?);
-- 1: "#capture:shop"
-- 2: "#capture:shop"
