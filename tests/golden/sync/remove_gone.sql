MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT target."ID"
    FROM "SHOP"."ORDERS" AS target
LEFT JOIN (
    SELECT DISTINCT
        "ID",
        TRUE AS "IN_SOURCE"
    FROM "STAGING"."ORDERS__RUN"
) AS source ON target."ID" = source."ID"
    WHERE source."IN_SOURCE" IS NULL
) AS source
ON target."ID" = source."ID"
WHEN MATCHED THEN DELETE;
