INSERT INTO control.sync_watermarks_history (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
)
SELECT
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity,
    refined_at, capture_version, log_identity, target_rows, recorded_at
FROM control.sync_watermarks
WHERE
    recorded_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, version, recorded_at) NOT IN (
        SELECT w.table_name, w.version, w.recorded_at
        FROM control.sync_current_watermarks AS w
    )
ORDER BY table_name, recorded_at;
-- 1: "2026-01-02T03:04:05+00:00"
