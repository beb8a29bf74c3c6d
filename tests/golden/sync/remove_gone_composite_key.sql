MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT target."ID", target."NOTE"
    FROM "SHOP"."ORDERS" AS target
LEFT JOIN (
    SELECT DISTINCT
        "ID", "NOTE",
        TRUE AS "IN_SOURCE"
    FROM "STAGING"."ORDERS__RUN"
) AS source ON target."ID" = source."ID" AND EQUAL_NULL(target."NOTE", source."NOTE")
    WHERE source."IN_SOURCE" IS NULL
) AS source
ON target."ID" = source."ID" AND EQUAL_NULL(target."NOTE", source."NOTE")
WHEN MATCHED THEN DELETE;
