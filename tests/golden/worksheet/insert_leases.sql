INSERT INTO control.sync_leases (table_name)
SELECT t.table_name
FROM control.sync_tables AS t
WHERE
    t.version = ?
    AND NOT EXISTS (
        SELECT 1 FROM control.sync_leases AS l WHERE l.table_name = t.table_name
    );
-- 1: 3
