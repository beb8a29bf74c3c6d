SELECT 0 AS position, control.aurora_extract(?) AS reply;
-- 1: "{}"
