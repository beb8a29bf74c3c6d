INSERT INTO control.sync_config (
    version, config_text, config_sha256, applied_at, applied_by
)
SELECT ?, ?, ?, CURRENT_TIMESTAMP(), CURRENT_USER();
-- 1: 3
-- 2: "{}"
-- 3: "c0ffee"
