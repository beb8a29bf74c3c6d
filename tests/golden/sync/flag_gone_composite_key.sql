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
    WHERE source."IN_SOURCE" IS NULL AND target."_SYNC_DELETED_AT" IS NULL
) AS source
ON target."ID" = source."ID" AND EQUAL_NULL(target."NOTE", source."NOTE")
WHEN MATCHED THEN UPDATE SET
    "_SYNC_DELETED_AT" = TO_TIMESTAMP_TZ(?),
    "_SYNC_RUN_ID" = ?;
-- 1: "2026-01-02 03:04:05+00"
-- 2: "20260102T030405-0123456789ab"
