SELECT key_hash, row_hash
FROM (
    SELECT r.key_hash, MD5(r.key_hash || '|' || r.row_text) AS row_hash
    FROM (
        SELECT
        MD5(COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~')) AS key_hash,
        COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~') AS row_text
        FROM "SHOP"."ORDERS"
    WHERE "_SYNC_IS_CURRENT"
    ) AS r
    WHERE LEFT(r.key_hash, 2) IN (?)
)
LIMIT 100;
-- 1: "0a"
