INSERT INTO control.sync_parts (
    table_name, run_id, snapshot_id, part, identity_sha256, message, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP();
