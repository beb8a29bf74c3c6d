USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE validate_table(table_name VARCHAR, repair BOOLEAN DEFAULT FALSE)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.validate_table'
COMMENT = 'Compares source and target by counts and digests and names the keys that differ; TRUE repairs them. CALL VALIDATE_TABLE(''orders'')'
EXECUTE AS OWNER;
