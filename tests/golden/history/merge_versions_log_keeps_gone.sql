MERGE INTO "SHOP"."ORDERS" AS target
USING (
    SELECT
        "ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT",
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
            LEAD("_SYNC_GONE_") OVER (PARTITION BY "ID" ORDER BY "_SYNC_VALID_FROM") AS "_SYNC_NEXT_GONE"
        FROM (
            SELECT
                "ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT",
                "_SYNC_EXTRACTED_AT",
                "_SYNC_GONE_",
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
                        IFF("_SYNC_KNOWN" OR NOT COALESCE(LAG("_SYNC_GONE_") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_GONE_" AND ("_SYNC_GONE_" OR LAG("_SYNC_PRINT") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_PRINT"), FALSE), 1, 0) AS "_SYNC_BEGINS"
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
                            IFF(u."_SYNC_KNOWN", s."_SYNC_STEP" = 2, u."_SYNC_DELETED") AS "_SYNC_GONE_"
                        FROM (
                            SELECT
                                a.*,
                                HASH("NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT") AS "_SYNC_PRINT",
                                HASH("ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT") AS "_SYNC_WHOLE",
                                MAX(
                                    IFF(
                                        "_SYNC_KNOWN", COALESCE("_SYNC_OLD_TO", "_SYNC_VALID_FROM"), NULL
                                    )
                                ) OVER (PARTITION BY "ID") AS "_SYNC_LAST"
                            FROM (
                                SELECT
                                    target."ID", target."NOTE", target."DETAILS", target."TAGS", target."AMOUNT", target."UPDATED_AT",
                                    target."_SYNC_EXTRACTED_AT",
                                    target."_SYNC_VALID_FROM",
                                    target."_SYNC_VALID_TO" AS "_SYNC_OLD_TO",
                                    target."_SYNC_DELETED",
                                    TRUE AS "_SYNC_KNOWN"
                                FROM "SHOP"."ORDERS" AS target
                                INNER JOIN (
                                    SELECT
                                        "ID",
                                        "NOTE",
                                        PARSE_JSON("DETAILS", 'd') AS "DETAILS",
                                        PARSE_JSON("TAGS", 'd')::ARRAY AS "TAGS",
                                        "AMOUNT"::DECFLOAT AS "AMOUNT",
                                        "UPDATED_AT",
                                        CAST(NULL AS TIMESTAMP_TZ(6)) AS "_SYNC_VALID_FROM",
                                        "_SYNC_GONE" AS "_SYNC_DELETED"
                                    FROM "STAGING"."ORDERS__RUN"
                                    WHERE NOT "_SYNC_GONE"
                                    QUALIFY ROW_NUMBER() OVER (
                                        PARTITION BY "ID" ORDER BY "_SYNC_GONE"
                                    ) = 1
                                ) AS source ON target."ID" = source."ID"
                                WHERE
                                    target."_SYNC_VALID_TO" IS NULL
                                    OR target."_SYNC_VALID_TO" >= COALESCE(
                                        source."_SYNC_VALID_FROM", TO_TIMESTAMP_TZ(?)
                                    )
                                UNION ALL
                                SELECT
                                    "ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT",
                                    TO_TIMESTAMP_TZ(?),
                                    "_SYNC_VALID_FROM",
                                    CAST(NULL AS TIMESTAMP_TZ(6)),
                                    "_SYNC_DELETED",
                                    FALSE
                                FROM (
                                    SELECT
                                        "ID",
                                        "NOTE",
                                        PARSE_JSON("DETAILS", 'd') AS "DETAILS",
                                        PARSE_JSON("TAGS", 'd')::ARRAY AS "TAGS",
                                        "AMOUNT"::DECFLOAT AS "AMOUNT",
                                        "UPDATED_AT",
                                        CAST(NULL AS TIMESTAMP_TZ(6)) AS "_SYNC_VALID_FROM",
                                        "_SYNC_GONE" AS "_SYNC_DELETED"
                                    FROM "STAGING"."ORDERS__RUN"
                                    WHERE NOT "_SYNC_GONE"
                                    QUALIFY ROW_NUMBER() OVER (
                                        PARTITION BY "ID" ORDER BY "_SYNC_GONE"
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
                    QUALIFY "_SYNC_KNOWN" OR "_SYNC_STEP" = 2 OR NOT COALESCE(LEAD("_SYNC_GONE_") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_GONE_" AND ("_SYNC_GONE_" OR LEAD("_SYNC_PRINT") OVER (PARTITION BY "ID" ORDER BY "_SYNC_MOMENT") = "_SYNC_PRINT"), FALSE)
                ) AS e
            ) AS r
            QUALIFY ROW_NUMBER() OVER (
                PARTITION BY "ID", "_SYNC_NUMBER" ORDER BY "_SYNC_MOMENT" DESC
            ) = 1
        ) AS g
    ) AS v
    WHERE
        NOT "_SYNC_GONE_"
        AND (
            NOT "_SYNC_OLD_KNOWN"
            OR NOT EQUAL_NULL("_SYNC_ENDS", "_SYNC_OLD_TO")
            OR COALESCE("_SYNC_NEXT_GONE", FALSE) <> "_SYNC_DELETED"
            OR "_SYNC_WHOLE" <> "_SYNC_OLD_WHOLE"
        )
) AS source
ON target."ID" = source."ID" AND target."_SYNC_VALID_FROM" = source."_SYNC_VALID_FROM"
WHEN MATCHED THEN UPDATE SET
    "NOTE" = source."NOTE",
    "DETAILS" = source."DETAILS",
    "TAGS" = source."TAGS",
    "AMOUNT" = source."AMOUNT",
    "UPDATED_AT" = source."UPDATED_AT",
    "_SYNC_EXTRACTED_AT" = source."_SYNC_EXTRACTED_AT",
    "_SYNC_RUN_ID" = source."_SYNC_RUN_ID",
    "_SYNC_VALID_TO" = source."_SYNC_VALID_TO",
    "_SYNC_IS_CURRENT" = source."_SYNC_IS_CURRENT",
    "_SYNC_DELETED" = source."_SYNC_DELETED"
WHEN NOT MATCHED THEN INSERT (
    "ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT", "_SYNC_VALID_FROM", "_SYNC_EXTRACTED_AT", "_SYNC_RUN_ID", "_SYNC_VALID_TO", "_SYNC_IS_CURRENT", "_SYNC_DELETED"
) VALUES (
    source."ID", source."NOTE", source."DETAILS", source."TAGS", source."AMOUNT", source."UPDATED_AT", source."_SYNC_VALID_FROM", source."_SYNC_EXTRACTED_AT", source."_SYNC_RUN_ID", source."_SYNC_VALID_TO", source."_SYNC_IS_CURRENT", source."_SYNC_DELETED"
);
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02 03:04:05+00"
-- 3: "2026-01-02 03:04:05+00"
-- 4: "2026-01-02 03:04:05+00"
-- 5: "2026-01-02 03:04:05+00"
