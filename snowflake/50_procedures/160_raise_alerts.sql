USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE raise_alerts()
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.raise_alerts'
COMMENT = 'Tells people, by the notification integrations of the configuration, which tables failed or are late; nothing twice. CALL RAISE_ALERTS()'
EXECUTE AS OWNER;
