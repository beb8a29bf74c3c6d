SELECT
    t.table_schema,
    t.table_name,
    t.table_owner,
    COUNT(c.column_name) > 0 AS is_ours
FROM "D".information_schema.tables AS t
LEFT JOIN "D".information_schema.columns AS c
    ON
        t.table_schema = c.table_schema
        AND t.table_name = c.table_name
        AND c.column_name = ?
WHERE t.table_schema IN (?, ?)
GROUP BY t.table_schema, t.table_name, t.table_owner;
-- 1: "_SYNC_RUN_ID"
-- 2: "LAB"
-- 3: "SHOP"
