SELECT DISTINCT source."_SYNC_KEY_HASH"
FROM (
    SELECT
        "ID",
        MD5(COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~')) AS "_SYNC_KEY_HASH"
    FROM (SELECT "ID" FROM "STAGING"."ORDERS__RUN") AS staged
) AS source
LEFT JOIN (
    SELECT
        "ID",
        TRUE AS in_target
    FROM "SHOP"."ORDERS" AS target
    WHERE target."_SYNC_DELETED_AT" IS NULL
) AS target ON target."ID" = source."ID"
WHERE target.in_target IS NULL
LIMIT 20001;
