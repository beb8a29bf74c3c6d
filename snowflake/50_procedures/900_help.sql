USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE help()
COPY GRANTS
RETURNS TABLE (call VARCHAR, does VARCHAR, example VARCHAR)
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.help'
COMMENT = 'Lists what can be called here, with an example each. CALL HELP()'
EXECUTE AS OWNER;
