USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

-- Of releases before dry_run: an overload would make a call of one argument ambiguous.
DROP PROCEDURE IF EXISTS apply_config(VARCHAR);

CREATE OR REPLACE PROCEDURE apply_config(config_text VARCHAR, dry_run BOOLEAN DEFAULT FALSE, confirm BOOLEAN DEFAULT FALSE)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema', 'pyyaml')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.apply_config'
COMMENT = 'Checks a configuration (JSON or YAML, or the scoped URL of a staged file), reports every problem at once, says per table what changes and what that will do, stores it as a new version and does what it needs. With TRUE as second argument it only says so; TRUE as third argument lets many tables go. CALL APPLY_CONFIG($$...$$, TRUE)'
EXECUTE AS OWNER;
