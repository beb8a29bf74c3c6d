SELECT
    c.version,
    c.kind,
    c.reason,
    c.to_lsn,
    c.server,
    c.run_id,
    MIN(c.version) OVER (PARTITION BY c.source_name) AS oldest,
    CURRENT_TRANSACTION() AS open_transaction
FROM control.sync_captures AS c
WHERE c.source_name = ?
QUALIFY ROW_NUMBER() OVER (ORDER BY c.version DESC) = 1;
-- 1: "shop"
