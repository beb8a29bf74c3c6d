COPY INTO "STAGING"."ORDERS__RUN" ("ID", "NOTE", "DETAILS", "TAGS", "AMOUNT", "UPDATED_AT")
FROM @control.landing
FILES = (
    'data/o/0.csv.zst',
    'data/o/1.csv.zst'
)
FILE_FORMAT = (FORMAT_NAME = 'control.landing_csv')
ON_ERROR = ABORT_STATEMENT;
