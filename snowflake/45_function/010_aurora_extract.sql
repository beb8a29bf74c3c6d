-- The one way out of Snowflake. One row per request and per call (MAX_BATCH_ROWS = 1), so
-- that each request is repeated, polled and timed alone. VOLATILE: never cached.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE EXTERNAL FUNCTION aurora_extract(request VARCHAR)
RETURNS VARIANT
NULL
CALLED ON NULL INPUT
VOLATILE
COMMENT = 'Sends one request (JSON text) to the extraction Lambda and returns its reply'
API_INTEGRATION = aurora_sync_api
MAX_BATCH_ROWS = 1
COMPRESSION = AUTO
AS '<% api_url %>';
