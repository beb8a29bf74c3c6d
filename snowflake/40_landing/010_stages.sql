-- Where code and files come from. Every option of the file format is needed so that NULL
-- and '' never swap and text arrives byte for byte; docs/TYPES.md explains each. All
-- options of CSV are said, but FILE_EXTENSION, which is of unloading: a default is what the
-- platform chooses (SKIP_BYTE_ORDER_MARK TRUE takes U+FEFF away from the first value).
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE STAGE IF NOT EXISTS code
COMMENT = 'The zip of the procedures';

CREATE STAGE IF NOT EXISTS dashboard
COMMENT = 'The files of the dashboard';

CREATE STAGE IF NOT EXISTS landing
URL = '<% landing_url %>'
STORAGE_INTEGRATION = aurora_sync_storage
COMMENT = 'Files that the extraction writes';
ALTER STAGE landing SET
URL = '<% landing_url %>'
STORAGE_INTEGRATION = aurora_sync_storage
COMMENT = 'Files that the extraction writes';

CREATE FILE FORMAT IF NOT EXISTS landing_csv
TYPE = CSV
COMPRESSION = ZSTD
RECORD_DELIMITER = '\n'
FIELD_DELIMITER = ','
MULTI_LINE = TRUE
PARSE_HEADER = FALSE
SKIP_HEADER = 0
SKIP_BLANK_LINES = FALSE
DATE_FORMAT = AUTO
TIME_FORMAT = AUTO
TIMESTAMP_FORMAT = AUTO
BINARY_FORMAT = HEX
ESCAPE = NONE
ESCAPE_UNENCLOSED_FIELD = NONE
TRIM_SPACE = FALSE
FIELD_OPTIONALLY_ENCLOSED_BY = '"'
NULL_IF = ()
ERROR_ON_COLUMN_COUNT_MISMATCH = TRUE
REPLACE_INVALID_CHARACTERS = FALSE
EMPTY_FIELD_AS_NULL = TRUE
SKIP_BYTE_ORDER_MARK = FALSE
ENCODING = 'UTF8'
COMMENT = 'CSV exactly as PostgreSQL writes it: NULL unquoted, empty text quoted';

-- The same, for a file format that an older release has made.
ALTER FILE FORMAT landing_csv SET
COMPRESSION = ZSTD
RECORD_DELIMITER = '\n'
FIELD_DELIMITER = ','
MULTI_LINE = TRUE
PARSE_HEADER = FALSE
SKIP_HEADER = 0
SKIP_BLANK_LINES = FALSE
DATE_FORMAT = AUTO
TIME_FORMAT = AUTO
TIMESTAMP_FORMAT = AUTO
BINARY_FORMAT = HEX
ESCAPE = NONE
ESCAPE_UNENCLOSED_FIELD = NONE
TRIM_SPACE = FALSE
FIELD_OPTIONALLY_ENCLOSED_BY = '"'
NULL_IF = ()
ERROR_ON_COLUMN_COUNT_MISMATCH = TRUE
REPLACE_INVALID_CHARACTERS = FALSE
EMPTY_FIELD_AS_NULL = TRUE
SKIP_BYTE_ORDER_MARK = FALSE
ENCODING = 'UTF8'
COMMENT = 'CSV exactly as PostgreSQL writes it: NULL unquoted, empty text quoted';
