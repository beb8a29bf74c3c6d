INSERT INTO control.sync_config (
    version, config_text, config_sha256, applied_at, applied_by
)
SELECT ?, ?, ?, CURRENT_TIMESTAMP(), CURRENT_USER();
