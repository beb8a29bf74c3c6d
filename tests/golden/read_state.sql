SELECT
    t.table_name,
    t.settings,
    t.paused,
    l.run_id AS lease_run_id,
    l.previous_run_id,
    w.version,
    w.origin,
    w.watermark,
    w.watermark_type,
    w.pending_value,
    w.pending_seen_at,
    w.overlap_rows,
    w.overlap_digest,
    w.columns_sha256,
    k.minutes_since_key_check,
    s.shape
FROM control.sync_current_tables AS t
LEFT JOIN control.sync_leases AS l ON t.table_name = l.table_name
LEFT JOIN control.sync_current_watermarks AS w ON t.table_name = w.table_name
LEFT JOIN control.sync_current_key_checks AS k ON t.table_name = k.table_name
LEFT JOIN control.sync_current_columns AS s ON t.table_name = s.table_name
WHERE t.table_name = ?;
