SELECT
    c.version,
    c.kind,
    c.reason,
    c.to_lsn,
    c.server,
    c.run_id,
    CURRENT_TRANSACTION() AS open_transaction
FROM control.sync_captures AS c
WHERE c.source_name = ?
QUALIFY ROW_NUMBER() OVER (ORDER BY c.version DESC) = 1;
-- 1: "shop"
