USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE PROCEDURE add_tables(source VARCHAR, tables VARIANT)
COPY GRANTS
RETURNS VARIANT
LANGUAGE PYTHON
RUNTIME_VERSION = '<% python_version %>'
PACKAGES = ('snowflake-snowpark-python', 'jsonschema', 'pyyaml')
IMPORTS = ('@code/snowpark.zip')
HANDLER = 'snowpark.procedures.add_tables'
COMMENT = 'Configures tables of a source, named or by patterns, as PROPOSE_CONFIG proposes them. CALL ADD_TABLES(''shop'', [''erp.orders'', ''crm.*''])'
EXECUTE AS OWNER;
