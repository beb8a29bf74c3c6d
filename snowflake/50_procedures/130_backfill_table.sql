USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE backfill_table(table_name VARCHAR, cursor_from VARCHAR, cursor_to VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.backfill_table'
COMMENT = 'Extracts and merges the rows with cursor_from <= cursor < cursor_to again; NULL is no bound. The watermark stays. CALL BACKFILL_TABLE(''orders'', ''2026-01-01'', ''2026-02-01'')'
EXECUTE AS OWNER;
