DELETE FROM control.sync_capture_tables
WHERE (source_name, version) NOT IN (
    SELECT c.source_name, c.version
    FROM control.sync_captures AS c
);
