SELECT
    w.column1 AS table_name,
    c.version,
    c.kind,
    c.to_lsn,
    NOT CONTAINS(c.table_names, w.column3) AS missed,
    t.key_count,
    t.truncated,
    t.whole,
    t.files,
    t.error_code,
    t.error_message,
    t.error_retryable,
    t.error_hint
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS NUMBER), CAST(? AS VARCHAR))
    AS w
INNER JOIN control.sync_captures AS c ON w.column2 < c.version
LEFT JOIN control.sync_capture_tables AS t
    ON
        c.source_name = t.source_name
        AND c.version = t.version
        AND w.column1 = t.table_name
WHERE
    c.source_name = ?
    AND c.version <= ?
    AND (
        c.kind = 'gap'
        OR t.table_name IS NOT NULL
        OR NOT CONTAINS(c.table_names, w.column3)
    )
ORDER BY c.version;
-- 1: "orders"
-- 2: 3
-- 3: "\"orders\""
-- 4: "items"
-- 5: 4
-- 6: "\"items\""
-- 7: "shop"
-- 8: 5
