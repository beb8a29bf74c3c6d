USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE apply_tasks()
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.apply_tasks'
COMMENT = 'Makes the task graphs of all groups with a schedule what the configuration says, and resumes them; changes only what differs. CALL APPLY_TASKS()'
EXECUTE AS OWNER;
