SELECT
    COUNT(*) AS alive,
    COUNT(*) - COUNT(source.in_source) AS gone
FROM "SHOP"."ORDERS" AS target
LEFT JOIN (
    SELECT DISTINCT
        "ID",
        TRUE AS in_source
    FROM "STAGING"."ORDERS__RUN"
) AS source ON target."ID" = source."ID"
WHERE target."_SYNC_DELETED_AT" IS NULL;
