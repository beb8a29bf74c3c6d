USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE dbt_sources()
COPY GRANTS
RETURNS VARCHAR
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.dbt_sources'
COMMENT = 'Returns the text of a dbt sources.yml: the targets with their comments, freshness by SYNC_STATUS and tests of their keys. CALL DBT_SOURCES()'
EXECUTE AS OWNER;
