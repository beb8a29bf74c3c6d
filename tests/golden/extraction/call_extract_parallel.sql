SELECT
    column1 AS position,
    control.aurora_extract(column2) AS reply
FROM VALUES
    (CAST(? AS NUMBER), CAST(? AS VARCHAR)),
    (CAST(? AS NUMBER), CAST(? AS VARCHAR));
-- 1: 0
-- 2: "{}"
-- 3: 1
-- 4: "{}"
