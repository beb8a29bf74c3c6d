CREATE PIPE IF NOT EXISTS "STAGING"."P_MY_ORDERS_X_E5D0009CDA78__PIPE_6"
AUTO_INGEST = TRUE
COMMENT = 'Loads the files of one table of the Aurora sync as text'
AS
COPY INTO "AURORA_SYNC"."STAGING"."P_MY_ORDERS_X_E5D0009CDA78__LANDED_6" (
    field_1,
    field_2,
    field_3,
    field_4,
    field_5,
    field_6,
    one_too_many,
    file_path
)
FROM (
    SELECT
        $1,
        $2,
        $3,
        $4,
        $5,
        $6,
        $7,
        METADATA$FILENAME
    FROM @"AURORA_SYNC"."CONTROL"."LANDING"/pipe/my-orders_x.e5d0009cda78/6/
)
FILE_FORMAT = (FORMAT_NAME = '"AURORA_SYNC"."CONTROL"."LANDING_CSV"')
ON_ERROR = SKIP_FILE;
