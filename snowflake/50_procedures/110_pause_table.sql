USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE pause_table(table_name VARCHAR, reason VARCHAR DEFAULT NULL)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.pause_table'
COMMENT = 'Keeps a table from being synced until RESUME_TABLE; a sync that runs goes on. CALL PAUSE_TABLE(''orders'', ''migration'')'
EXECUTE AS OWNER;
