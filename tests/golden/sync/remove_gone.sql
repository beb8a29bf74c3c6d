MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT target."ID"
    FROM "SHOP"."ORDERS" AS target
LEFT JOIN (
    SELECT DISTINCT
        "ID",
        TRUE AS in_source
    FROM "STAGING"."ORDERS__RUN"
) AS source ON target."ID" = source."ID"
    WHERE source.in_source IS NULL
) AS source
ON target."ID" = source."ID"
WHEN MATCHED THEN DELETE;
