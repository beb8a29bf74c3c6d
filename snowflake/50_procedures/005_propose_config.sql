USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE propose_config(source VARCHAR, pattern VARIANT)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema', 'pyyaml')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.propose_config'
COMMENT = 'Looks for tables of a source and says how each would be synced, on what evidence, what does not fit, and which configuration would do it; stores nothing. CALL PROPOSE_CONFIG(''shop'', ''erp.*'')'
EXECUTE AS OWNER;
