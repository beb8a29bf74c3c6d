SELECT source_name, state, last_capture_at, last_gap_at, last_gap_reason
FROM control.sync_logs
WHERE state <> 'ok'
ORDER BY source_name;
