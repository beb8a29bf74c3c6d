MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT
        "ID",
        "C0",
        "C1",
        "C2",
        "C3",
        "C4",
        "C5",
        "C6",
        "C7"::DECFLOAT AS "C7",
        "C8",
        "C9",
        "C10",
        "C11",
        "C12",
        "C13",
        "C14",
        "C15",
        "C16",
        "C17",
        "C18",
        "C19",
        PARSE_JSON("C20", 'd') AS "C20",
        PARSE_JSON("C21", 'd')::ARRAY AS "C21",
        PARSE_JSON("C22", 'd')::OBJECT AS "C22",
        "C23",
        "C24",
        ? AS "_SYNC_RUN_ID",
        TO_TIMESTAMP_TZ(?) AS "_SYNC_EXTRACTED_AT"
    FROM "STAGING"."ORDERS__RUN"
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "ID" ORDER BY "ID") = 1
) AS source
ON target."ID" = source."ID"
WHEN MATCHED THEN UPDATE SET
    "C0" = source."C0",
    "C1" = source."C1",
    "C2" = source."C2",
    "C3" = source."C3",
    "C4" = source."C4",
    "C5" = source."C5",
    "C6" = source."C6",
    "C7" = source."C7",
    "C8" = source."C8",
    "C9" = source."C9",
    "C10" = source."C10",
    "C11" = source."C11",
    "C12" = source."C12",
    "C13" = source."C13",
    "C14" = source."C14",
    "C15" = source."C15",
    "C16" = source."C16",
    "C17" = source."C17",
    "C18" = source."C18",
    "C19" = source."C19",
    "C20" = source."C20",
    "C21" = source."C21",
    "C22" = source."C22",
    "C23" = source."C23",
    "C24" = source."C24",
    "_SYNC_RUN_ID" = source."_SYNC_RUN_ID",
    "_SYNC_EXTRACTED_AT" = source."_SYNC_EXTRACTED_AT"
WHEN NOT MATCHED THEN INSERT (
    "ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24", "_SYNC_RUN_ID", "_SYNC_EXTRACTED_AT"
) VALUES (
    source."ID", source."C0", source."C1", source."C2", source."C3", source."C4", source."C5", source."C6", source."C7", source."C8", source."C9", source."C10", source."C11", source."C12", source."C13", source."C14", source."C15", source."C16", source."C17", source."C18", source."C19", source."C20", source."C21", source."C22", source."C23", source."C24", source."_SYNC_RUN_ID", source."_SYNC_EXTRACTED_AT"
);
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02 03:04:05+00"
