SELECT recorded_at, what, source, source_table, policy
FROM control.sync_discoveries
WHERE what <> 'looked'
ORDER BY recorded_at DESC
LIMIT 200;
