-- CONTROL holds state, procedures, views and tasks; STAGING holds the rows of running
-- syncs only (transient: no fail-safe, nothing to pay for afterwards).
-- Managed access: the owner of a schema may grant on future objects and on objects of
-- other owners, which takes MANAGE GRANTS anywhere else.
-- DEFAULT_DDL_COLLATION: an account may set 'en-ci', and 'a' and 'A' would be one key.
-- Each ALTER brings what an older release has made to what the CREATE says.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;

CREATE DATABASE IF NOT EXISTS <% database %>
DEFAULT_DDL_COLLATION = ''
COMMENT = 'Tables of Aurora PostgreSQL, pulled by Snowflake';
ALTER DATABASE <% database %> SET
DEFAULT_DDL_COLLATION = ''
COMMENT = 'Tables of Aurora PostgreSQL, pulled by Snowflake';
USE DATABASE <% database %>;

CREATE SCHEMA IF NOT EXISTS control
WITH MANAGED ACCESS
DEFAULT_DDL_COLLATION = ''
COMMENT = 'State, procedures, views and tasks of the Aurora sync';
ALTER SCHEMA control ENABLE MANAGED ACCESS;
ALTER SCHEMA control SET
DEFAULT_DDL_COLLATION = ''
COMMENT = 'State, procedures, views and tasks of the Aurora sync';
CREATE TRANSIENT SCHEMA IF NOT EXISTS staging
WITH MANAGED ACCESS
DATA_RETENTION_TIME_IN_DAYS = 0
DEFAULT_DDL_COLLATION = ''
COMMENT = 'Rows of running syncs; every table here belongs to one run and is dropped by it';
ALTER SCHEMA staging ENABLE MANAGED ACCESS;
ALTER SCHEMA staging SET
DATA_RETENTION_TIME_IN_DAYS = 0
DEFAULT_DDL_COLLATION = ''
COMMENT = 'Rows of running syncs; every table here belongs to one run and is dropped by it';
