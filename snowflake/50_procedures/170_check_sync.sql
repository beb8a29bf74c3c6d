USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE check_sync(subject VARCHAR DEFAULT NULL)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.check_sync'
COMMENT = 'Looks at all that a sync needs, of everything or of one table or source, and says what to do; writes nothing. CALL CHECK_SYNC(''orders'')'
EXECUTE AS OWNER;
