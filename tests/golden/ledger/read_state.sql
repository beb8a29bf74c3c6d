SELECT
    TO_VARCHAR(TRY_CAST('2001-02-03' AS DATE), 'YYYY-MM-DD')
        || ' ' || TO_VARCHAR(
            TRY_CAST('2001-02-03 04:05:06.789012' AS TIMESTAMP_NTZ(6)), 'YYYY-MM-DD HH24:MI:SS.FF6'
        )
        || ' ' || TO_VARCHAR(
            CONVERT_TIMEZONE(
                'UTC', TRY_CAST('2001-02-03 04:05:06.789012+01' AS TIMESTAMP_TZ(6))
            ),
            'YYYY-MM-DD HH24:MI:SS.FF6'
        ) AS dates_read_as,
    CURRENT_TRANSACTION() AS open_transaction,
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
    w.source_identity,
    w.refined_at,
    w.capture_version,
    w.log_identity,
    w.target_rows,
    k.minutes_since_key_check,
    s.shape,
    a.own_database,
    a.allowed_targets
FROM control.sync_current_tables AS t
LEFT JOIN control.sync_leases AS l ON t.table_name = l.table_name
LEFT JOIN control.sync_current_watermarks AS w ON t.table_name = w.table_name
LEFT JOIN control.sync_current_key_checks AS k ON t.table_name = k.table_name
LEFT JOIN control.sync_current_columns AS s ON t.table_name = s.table_name
CROSS JOIN control.sync_allowed_targets AS a
WHERE t.table_name = ?;
-- 1: "orders"
