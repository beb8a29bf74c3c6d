INSERT INTO "STAGING"."ORDERS__RUN" (
    "ID",
    "NOTE",
    "DETAILS",
    "TAGS",
    "AMOUNT",
    "UPDATED_AT"
)
SELECT
    field_1::NUMBER(19,0),
    field_2,
    field_3,
    field_4,
    field_5,
    field_6::TIMESTAMP_TZ(6)
FROM "STAGING"."P_MY_ORDERS_X_E5D0009CDA78__LANDED_6"
WHERE
    one_too_many IS NULL
    AND REGEXP_SUBSTR(file_path, '[^/]+/[^/]+/[^/]+$') IN (?, ?);
-- 1: "r/p/0"
-- 2: "x"
