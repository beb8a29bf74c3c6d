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
    WHERE source."IN_SOURCE" AND target."_SYNC_DELETED_AT" IS NOT NULL
) AS source
ON target."ID" = source."ID"
WHEN MATCHED THEN UPDATE SET
    "_SYNC_DELETED_AT" = NULL,
    "_SYNC_RUN_ID" = ?;
-- 1: "20260102T030405-0123456789ab"
