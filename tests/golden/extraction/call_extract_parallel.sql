SELECT
    column1 AS position,
    control.aurora_extract(column2) AS reply
FROM VALUES
    (?, ?),
    (?, ?);
-- 1: 0
-- 2: "{}"
-- 3: 1
-- 4: "{}"
