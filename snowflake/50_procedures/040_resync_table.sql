USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE resync_table(table_name VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.resync_table'
COMMENT = 'Reloads one table completely; readers see the old rows until the new ones are there. CALL RESYNC_TABLE(''orders'')'
EXECUTE AS OWNER;
