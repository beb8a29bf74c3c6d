SELECT key_hash, row_hash, column_hashes, k0, k1
FROM (
    SELECT r.key_hash, MD5(r.key_hash || '|' || r.row_text) AS row_hash, r.column_hashes, r.k0, r.k1
    FROM (
        SELECT
        MD5(COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~')) AS key_hash,
        COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~') AS row_text,
        LEFT(MD5(COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~')), 8) || LEFT(MD5(COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~')), 8) AS column_hashes,
        '?' AS k0,
        '?' AS k1
        FROM "SHOP"."ORDERS"
    WHERE "_SYNC_DELETED_AT" IS NULL
    ) AS r
    WHERE LEFT(r.key_hash, 32) IN (?)
);
-- 1: "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
