SELECT
    c.version,
    c.kind,
    c.to_lsn,
    NOT CONTAINS(c.table_names, ?) AS missed,
    t.key_count,
    t.truncated,
    t.whole,
    t.files,
    t.error_code,
    t.error_message,
    t.error_retryable,
    t.error_hint
FROM control.sync_captures AS c
LEFT JOIN control.sync_capture_tables AS t
    ON
        c.source_name = t.source_name
        AND c.version = t.version
        AND t.table_name = ?
WHERE
    c.source_name = ?
    AND c.version > ?
    AND c.version <= ?
    AND (
        c.kind = 'gap'
        OR t.table_name IS NOT NULL
        OR NOT CONTAINS(c.table_names, ?)
    )
ORDER BY c.version;
-- 1: "\"orders\""
-- 2: "orders"
-- 3: "shop"
-- 4: 3
-- 5: 5
-- 6: "\"orders\""
