SELECT
    LEFT(key_hash, ?) AS bucket,
    COUNT(*) AS row_count,
    SUM(TO_NUMBER(SUBSTR(row_hash, 1, 12), 'XXXXXXXXXXXX')) AS low,
    SUM(TO_NUMBER(SUBSTR(row_hash, 13, 12), 'XXXXXXXXXXXX')) AS high
FROM (
    SELECT r.key_hash, MD5(r.key_hash || '|' || r.row_text) AS row_hash
    FROM (
        SELECT
        MD5(COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~')) AS key_hash,
        COALESCE(CASE WHEN "ID" IS NOT NULL THEN IFF(CONTAINS(TO_VARCHAR("ID"), '.'), RTRIM(RTRIM(TO_VARCHAR("ID"), '0'), '.'), TO_VARCHAR("ID")) END, '~') || '|' || COALESCE(CASE WHEN "NOTE" IS NOT NULL THEN MD5("NOTE") END, '~') AS row_text
        FROM "SHOP"."ORDERS"
    WHERE "_SYNC_DELETED_AT" IS NULL
    ) AS r
    WHERE LEFT(r.key_hash, 2) IN (?, ?)
)
GROUP BY 1;
-- 1: 4
-- 2: "0a"
-- 3: "ff"
