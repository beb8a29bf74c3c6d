SELECT
    COALESCE(SUM(IFF(unmarked, 1, 0)), 0) AS unmarked,
    COALESCE(SUM(IFF(NOT unmarked AND empty_interval, 1, 0)), 0) AS empty_intervals,
    COALESCE(SUM(IFF(NOT unmarked AND wrong_flags, 1, 0)), 0) AS wrong_flags,
    COALESCE(SUM(IFF(NOT unmarked AND follows < ended, 1, 0)), 0) AS overlaps,
    COALESCE(SUM(IFF(NOT unmarked AND follows IS NOT NULL AND ended IS NULL, 1, 0)), 0) AS several_current,
    COALESCE(SUM(IFF(NOT unmarked AND follows > ended AND NOT by_delete, 1, 0)), 0) AS gaps,
    COALESCE(SUM(IFF(NOT unmarked AND follows IS NULL AND ended IS NOT NULL AND NOT by_delete, 1, 0)), 0) AS ends_without_delete,
    COUNT(*) AS versions
FROM (
    SELECT
        "_SYNC_VALID_TO" AS ended,
        "_SYNC_DELETED" AS by_delete,
        "_SYNC_VALID_FROM" IS NULL OR "_SYNC_IS_CURRENT" IS NULL OR "_SYNC_DELETED" IS NULL AS unmarked,
        "_SYNC_VALID_TO" <= "_SYNC_VALID_FROM" AS empty_interval,
        "_SYNC_IS_CURRENT" <> ("_SYNC_VALID_TO" IS NULL) OR ("_SYNC_IS_CURRENT" AND "_SYNC_DELETED") AS wrong_flags,
        LEAD("_SYNC_VALID_FROM") OVER (PARTITION BY "ID", "B" ORDER BY "_SYNC_VALID_FROM") AS follows
    FROM "SHOP"."ORDERS"
) AS versions;
