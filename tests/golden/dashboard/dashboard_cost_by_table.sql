SELECT
    table_name, SUM(credits) AS credits, SUM(runs) AS runs,
    SUM(rows_extracted) AS rows_extracted
FROM control.sync_cost
WHERE day >= DATEADD('day', ?, CURRENT_TIMESTAMP())
GROUP BY table_name
ORDER BY credits DESC
LIMIT 200;
-- 1: -30
