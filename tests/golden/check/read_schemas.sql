SELECT
    schema_name,
    schema_owner
FROM "D".information_schema.schemata
WHERE schema_name IN (?, ?);
-- 1: "LAB"
-- 2: "SHOP"
