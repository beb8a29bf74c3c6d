INSERT INTO control.sync_watermarks (
    table_name, version, run_id, kind, origin,
    watermark, watermark_type, pending_value, pending_seen_at,
    overlap_rows, overlap_digest, columns_sha256, row_count, source_identity, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP();
