-- Where code and files come from. Every option of the file format is needed so that NULL
-- and '' never swap and text arrives byte for byte; docs/ARCHITECTURE.md explains each.
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

CREATE FILE FORMAT IF NOT EXISTS landing_csv
TYPE = CSV
COMPRESSION = ZSTD
FIELD_OPTIONALLY_ENCLOSED_BY = '"'
ESCAPE_UNENCLOSED_FIELD = NONE
EMPTY_FIELD_AS_NULL = TRUE
NULL_IF = ()
BINARY_FORMAT = HEX
REPLACE_INVALID_CHARACTERS = FALSE
COMMENT = 'CSV exactly as PostgreSQL writes it: NULL unquoted, empty text quoted';
