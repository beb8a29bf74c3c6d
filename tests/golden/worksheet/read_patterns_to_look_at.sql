SELECT c.config_text
FROM control.sync_config AS c
WHERE
    c.version = (SELECT MAX(m.version) FROM control.sync_config AS m)
    AND CONTAINS(c.config_text, '"patterns"')
    AND NOT EXISTS (
        SELECT 1
        FROM control.sync_discoveries AS d
        WHERE d.recorded_at > DATEADD('hour', -1, CURRENT_TIMESTAMP())
    );
