USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE confirm_deletes(table_name VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.confirm_deletes'
COMMENT = 'Syncs one table, then removes or flags every row that is gone from the source, however many they are. CALL CONFIRM_DELETES(''orders'')'
EXECUTE AS OWNER;
