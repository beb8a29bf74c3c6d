MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT
        "ID",
        "NOTE",
        PARSE_JSON("DETAILS", 'd') AS "DETAILS",
        PARSE_JSON("TAGS", 'd')::ARRAY AS "TAGS",
        "AMOUNT"::DECFLOAT AS "AMOUNT",
        "UPDATED_AT",
        ? AS "_SYNC_RUN_ID",
        TO_TIMESTAMP_TZ(?) AS "_SYNC_EXTRACTED_AT",
        "_SYNC_GONE"
    FROM "STAGING"."ORDERS__RUN"
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "ID" ORDER BY "_SYNC_GONE") = 1
) AS source
ON target."ID" = source."ID"
WHEN MATCHED AND NOT source."_SYNC_GONE" THEN UPDATE SET
    "NOTE" = source."NOTE",
    "DETAILS" = source."DETAILS",
    "TAGS" = source."TAGS",
    "AMOUNT" = source."AMOUNT",
    "UPDATED_AT" = source."UPDATED_AT",
    "_SYNC_RUN_ID" = source."_SYNC_RUN_ID",
    "_SYNC_EXTRACTED_AT" = source."_SYNC_EXTRACTED_AT"
WHEN NOT MATCHED AND NOT (source."_SYNC_GONE") THEN INSERT (
    "ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT", "_SYNC_RUN_ID", "_SYNC_EXTRACTED_AT"
) VALUES (
    source."ID", source."NOTE", source."DETAILS", source."TAGS", source."AMOUNT", source."UPDATED_AT", source."_SYNC_RUN_ID", source."_SYNC_EXTRACTED_AT"
);
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02 03:04:05+00"
