USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE remove_tables(tables VARIANT)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema', 'pyyaml')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.remove_tables'
COMMENT = 'Takes tables out of the configuration; their targets stay as they are. CALL REMOVE_TABLES([''orders'', ''items''])'
EXECUTE AS OWNER;
