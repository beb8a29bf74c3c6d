USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE extract_lanes(group_name VARCHAR, lanes NUMBER)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.extract_lanes'
COMMENT = 'First task of a group''s graph: extracts the next window of every table at once, and gives those with work to lanes. CALL EXTRACT_LANES(''hourly'', 8)'
EXECUTE AS OWNER;
