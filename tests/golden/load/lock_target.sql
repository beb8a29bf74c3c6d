MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT "ID"
    FROM "SHOP"."ORDERS"
    LIMIT 1
) AS source
ON target."ID" = source."ID"
WHEN MATCHED THEN UPDATE SET "_SYNC_RUN_ID" = target."_SYNC_RUN_ID";
