USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE stop_log(source_name VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.stop_log'
COMMENT = 'Drops the replication slot of a source, so that PostgreSQL keeps no WAL for it; afterwards each table is read as a whole once. CALL STOP_LOG(''shop'')'
EXECUTE AS OWNER;
