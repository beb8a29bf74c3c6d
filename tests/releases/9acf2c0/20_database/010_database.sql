-- CONTROL holds state, procedures, views and tasks; STAGING holds the rows of running
-- syncs only (transient: no fail-safe, nothing to pay for afterwards).
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;

CREATE DATABASE IF NOT EXISTS <% database %> COMMENT = 'Tables of Aurora PostgreSQL, pulled by Snowflake';
USE DATABASE <% database %>;

CREATE SCHEMA IF NOT EXISTS control COMMENT = 'State, procedures, views and tasks of the Aurora sync';
CREATE TRANSIENT SCHEMA IF NOT EXISTS staging
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'Rows of running syncs; every table here belongs to one run and is dropped by it';
