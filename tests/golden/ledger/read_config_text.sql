SELECT config_text
FROM control.sync_config
ORDER BY version DESC
LIMIT 1;
