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
    WHERE source."IN_SOURCE" IS NULL AND target."_SYNC_IS_CURRENT"
) AS source
ON target."ID" = source."ID" AND target."_SYNC_IS_CURRENT"
WHEN MATCHED THEN UPDATE SET
    "_SYNC_VALID_TO" = GREATEST(TO_TIMESTAMP_TZ(?), DATEADD('microsecond', 1, target."_SYNC_VALID_FROM")),
    "_SYNC_IS_CURRENT" = FALSE,
    "_SYNC_DELETED" = TRUE,
    "_SYNC_RUN_ID" = ?;
-- 1: "2026-01-02 03:04:05+00"
-- 2: "20260102T030405-0123456789ab"
