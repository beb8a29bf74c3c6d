MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT
        "ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24",
        "_SYNC_EXTRACTED_AT",
        ? AS "_SYNC_RUN_ID",
        "_SYNC_VALID_FROM",
        "_SYNC_ENDS" AS "_SYNC_VALID_TO",
        "_SYNC_ENDS" IS NULL AS "_SYNC_IS_CURRENT",
        COALESCE("_SYNC_NEXT_GONE", FALSE) AS "_SYNC_DELETED"
    FROM (
        SELECT
            g.*,
            LEAD("_SYNC_VALID_FROM") OVER (PARTITION BY "ID" ORDER BY "_SYNC_VALID_FROM") AS "_SYNC_ENDS",
            LEAD("_SYNC_GONE") OVER (PARTITION BY "ID" ORDER BY "_SYNC_VALID_FROM") AS "_SYNC_NEXT_GONE"
        FROM (
            SELECT
                "ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24",
                "_SYNC_EXTRACTED_AT",
                "_SYNC_GONE",
                "_SYNC_WHOLE",
                FIRST_VALUE("_SYNC_MOMENT") OVER (PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT") AS "_SYNC_VALID_FROM",
                FIRST_VALUE("_SYNC_KNOWN") OVER (PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT") AS "_SYNC_OLD_KNOWN",
                FIRST_VALUE("_SYNC_OLD_TO") OVER (PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT") AS "_SYNC_OLD_TO",
                FIRST_VALUE("_SYNC_DELETED") OVER (PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT") AS "_SYNC_DELETED",
                FIRST_VALUE("_SYNC_WHOLE") OVER (PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT") AS "_SYNC_OLD_WHOLE"
            FROM (
                SELECT
                    e.*,
                    SUM("_SYNC_BEGINS") OVER (
                        PARTITION BY "ID" ORDER BY "_SYNC_MOMENT"
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ) AS "_SYNC_NUMBER"
                FROM (
                    SELECT
                        d.*,
                        IFF("_SYNC_KNOWN" OR NOT COALESCE(LAG("_SYNC_GONE") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_GONE" AND ("_SYNC_GONE" OR LAG("_SYNC_PRINT") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_PRINT"), FALSE), 1, 0) AS "_SYNC_BEGINS"
                    FROM (
                    SELECT c.*
                    FROM (
                        SELECT
                            u.*,
                            s."_SYNC_STEP",
                            CASE
                                WHEN u."_SYNC_KNOWN" AND s."_SYNC_STEP" = 1 THEN u."_SYNC_VALID_FROM"
                                WHEN u."_SYNC_KNOWN"
                                    THEN IFF(u."_SYNC_DELETED", u."_SYNC_OLD_TO", NULL)
                                WHEN s."_SYNC_STEP" = 1 THEN u."_SYNC_VALID_FROM"
                                WHEN u."_SYNC_VALID_FROM" IS NULL OR u."_SYNC_LAST" >= u."_SYNC_VALID_FROM"
                                    THEN COALESCE(GREATEST(TO_TIMESTAMP_TZ(?), DATEADD('microsecond', 1, "_SYNC_LAST")), TO_TIMESTAMP_TZ(?))
                            END AS "_SYNC_MOMENT",
                            IFF(u."_SYNC_KNOWN", s."_SYNC_STEP" = 2, u."_SYNC_DELETED") AS "_SYNC_GONE"
                        FROM (
                            SELECT
                                a.*,
                                HASH("C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24") AS "_SYNC_PRINT",
                                HASH("ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24") AS "_SYNC_WHOLE",
                                MAX(
                                    IFF(
                                        "_SYNC_KNOWN", COALESCE("_SYNC_OLD_TO", "_SYNC_VALID_FROM"), NULL
                                    )
                                ) OVER (PARTITION BY "ID") AS "_SYNC_LAST"
                            FROM (
                                SELECT
                                    target."ID", target."C0", target."C1", target."C2", target."C3", target."C4", target."C5", target."C6", target."C7", target."C8", target."C9", target."C10", target."C11", target."C12", target."C13", target."C14", target."C15", target."C16", target."C17", target."C18", target."C19", target."C20", target."C21", target."C22", target."C23", target."C24",
                                    target."_SYNC_EXTRACTED_AT",
                                    target."_SYNC_VALID_FROM",
                                    target."_SYNC_VALID_TO" AS "_SYNC_OLD_TO",
                                    target."_SYNC_DELETED",
                                    TRUE AS "_SYNC_KNOWN"
                                FROM "SHOP"."ORDERS" AS target
                                INNER JOIN (
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
                                        CAST(NULL AS TIMESTAMP_TZ(6)) AS "_SYNC_VALID_FROM",
                                        FALSE AS "_SYNC_DELETED"
                                    FROM "STAGING"."ORDERS__RUN"
                                    QUALIFY ROW_NUMBER() OVER (
                                        PARTITION BY "ID" ORDER BY "ID"
                                    ) = 1
                                ) AS source ON target."ID" = source."ID"
                                WHERE
                                    target."_SYNC_VALID_TO" IS NULL
                                    OR target."_SYNC_VALID_TO" >= COALESCE(
                                        source."_SYNC_VALID_FROM", TO_TIMESTAMP_TZ(?)
                                    )
                                UNION ALL
                                SELECT
                                    "ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24",
                                    TO_TIMESTAMP_TZ(?),
                                    "_SYNC_VALID_FROM",
                                    CAST(NULL AS TIMESTAMP_TZ(6)),
                                    "_SYNC_DELETED",
                                    FALSE
                                FROM (
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
                                        CAST(NULL AS TIMESTAMP_TZ(6)) AS "_SYNC_VALID_FROM",
                                        FALSE AS "_SYNC_DELETED"
                                    FROM "STAGING"."ORDERS__RUN"
                                    QUALIFY ROW_NUMBER() OVER (
                                        PARTITION BY "ID" ORDER BY "ID"
                                    ) = 1
                                ) AS read
                            ) AS a
                        ) AS u
                        CROSS JOIN (
                            SELECT 1 AS "_SYNC_STEP"
                            UNION ALL
                            SELECT 2 AS "_SYNC_STEP"
                        ) AS s
                    ) AS c
                    WHERE c."_SYNC_MOMENT" IS NOT NULL
                    QUALIFY ROW_NUMBER() OVER (
                        PARTITION BY "ID", "_SYNC_MOMENT"
                        ORDER BY IFF("_SYNC_KNOWN", 0, 1), "_SYNC_STEP"
                    ) = 1
                    ) AS d
                    QUALIFY "_SYNC_KNOWN" OR "_SYNC_STEP" = 2 OR NOT COALESCE(LEAD("_SYNC_GONE") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_GONE" AND ("_SYNC_GONE" OR LEAD("_SYNC_PRINT") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_PRINT"), FALSE)
                ) AS e
            ) AS r
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT" DESC
            ) = 1
        ) AS g
    ) AS v
    WHERE
        NOT "_SYNC_GONE"
        AND (
            NOT "_SYNC_OLD_KNOWN"
            OR NOT EQUAL_NULL("_SYNC_ENDS", "_SYNC_OLD_TO")
            OR COALESCE("_SYNC_NEXT_GONE", FALSE) <> "_SYNC_DELETED"
            OR "_SYNC_WHOLE" <> "_SYNC_OLD_WHOLE"
        )
) AS source
ON target."ID" = source."ID" AND target."_SYNC_VALID_FROM" = source."_SYNC_VALID_FROM"
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
    "_SYNC_EXTRACTED_AT" = source."_SYNC_EXTRACTED_AT",
    "_SYNC_RUN_ID" = source."_SYNC_RUN_ID",
    "_SYNC_VALID_TO" = source."_SYNC_VALID_TO",
    "_SYNC_IS_CURRENT" = source."_SYNC_IS_CURRENT",
    "_SYNC_DELETED" = source."_SYNC_DELETED"
WHEN NOT MATCHED THEN INSERT (
    "ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24", "_SYNC_VALID_FROM", "_SYNC_EXTRACTED_AT", "_SYNC_RUN_ID", "_SYNC_VALID_TO", "_SYNC_IS_CURRENT", "_SYNC_DELETED"
) VALUES (
    source."ID", source."C0", source."C1", source."C2", source."C3", source."C4", source."C5", source."C6", source."C7", source."C8", source."C9", source."C10", source."C11", source."C12", source."C13", source."C14", source."C15", source."C16", source."C17", source."C18", source."C19", source."C20", source."C21", source."C22", source."C23", source."C24", source."_SYNC_VALID_FROM", source."_SYNC_EXTRACTED_AT", source."_SYNC_RUN_ID", source."_SYNC_VALID_TO", source."_SYNC_IS_CURRENT", source."_SYNC_DELETED"
);
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02 03:04:05+00"
-- 3: "2026-01-02 03:04:05+00"
-- 4: "2026-01-02 03:04:05+00"
-- 5: "2026-01-02 03:04:05+00"
