SELECT
    t.table_schema,
    t.table_name,
    '' AS column_name,
    t.comment,
    0 AS place
FROM "AURORA_SYNC".information_schema.tables AS t
WHERE t.table_schema IN (?, ?) AND t.comment <> ''
UNION ALL
SELECT
    c.table_schema,
    c.table_name,
    c.column_name,
    c.comment,
    c.ordinal_position AS place
FROM "AURORA_SYNC".information_schema.columns AS c
WHERE c.table_schema IN (?, ?) AND c.comment <> ''
ORDER BY 1, 2, 5;
-- 1: "ERP"
-- 2: "CRM"
-- 3: "ERP"
-- 4: "CRM"
