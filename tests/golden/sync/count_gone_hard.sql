SELECT
    COUNT(*) AS alive,
    COUNT(*) - COUNT(source."IN_SOURCE") AS gone
FROM "SHOP"."ORDERS" AS target
LEFT JOIN (
    SELECT DISTINCT
        "ID",
        TRUE AS "IN_SOURCE"
    FROM "STAGING"."ORDERS__RUN"
) AS source ON target."ID" = source."ID"
WHERE TRUE;
