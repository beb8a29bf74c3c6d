USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE sync_table(table_name VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.sync_table'
COMMENT = 'Brings the target of one table up to date with its source and returns a report. CALL SYNC_TABLE(''orders'')'
EXECUTE AS OWNER;
