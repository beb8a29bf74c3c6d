USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE apply_config(config_text VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.apply_config'
COMMENT = 'Checks the configuration (JSON text), reports every problem with its JSON pointer, stores it as a new version and creates what it needs. CALL APPLY_CONFIG(''{...}'')'
EXECUTE AS OWNER;
