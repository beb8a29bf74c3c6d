SELECT
    DATE_TRUNC('day', finished_at) AS moment, status, COUNT(*) AS runs,
    SUM(rows_extracted) AS rows_extracted, SUM(bytes) AS bytes,
    SUM(total_seconds) AS seconds
FROM control.sync_history
WHERE finished_at >= DATEADD('day', ?, CURRENT_TIMESTAMP())
GROUP BY 1, 2
ORDER BY 1, 2;
-- 1: -365
