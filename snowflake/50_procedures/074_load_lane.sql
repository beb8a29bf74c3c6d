USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE load_lane(group_name VARCHAR, lane NUMBER)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.load_lane'
COMMENT = 'Task of a group''s graph: loads and merges the tables of one lane. CALL LOAD_LANE(''hourly'', 1)'
EXECUTE AS OWNER;
