SELECT key_hash, row_hash
FROM (
    SELECT r.key_hash, MD5(r.key_hash || '|' || r.row_text) AS row_hash
    FROM (
        SELECT
        MD5(COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~')) AS key_hash,
        COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~') AS row_text
        FROM "SHOP"."ORDERS"
    WHERE "_SYNC_DELETED_AT" IS NULL
    ) AS r
    WHERE LEFT(r.key_hash, 2) IN (?)
    AND LEFT(r.key_hash, 16) NOT IN (
        SELECT CAST(f.value AS VARCHAR) FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
    )
)
LIMIT 100;
-- 1: "0a"
-- 2: "[\"0a1b2c3d4e5f6071\", \"0a1b2c3d4e5f6072\"]"
