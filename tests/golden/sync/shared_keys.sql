SELECT COALESCE(SUM(shared.row_count), 0) AS row_count
FROM (
    SELECT COUNT(*) AS row_count
    FROM "STAGING"."ORDERS__RUN"
    GROUP BY "ID"
    HAVING COUNT(*) > 1
) AS shared;
