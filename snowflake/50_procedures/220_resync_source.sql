USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE resync_source(source_name VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.resync_source'
COMMENT = 'Begins the log of a source anew after a gap: a new slot, and each table of mode log is read as a whole by its next sync. CALL RESYNC_SOURCE(''shop'')'
EXECUTE AS OWNER;
