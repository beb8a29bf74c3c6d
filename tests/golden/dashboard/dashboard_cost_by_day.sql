SELECT day, SUM(credits) AS credits
FROM control.sync_cost
WHERE day >= DATEADD('day', ?, CURRENT_TIMESTAMP())
GROUP BY day
ORDER BY day;
-- 1: -30
