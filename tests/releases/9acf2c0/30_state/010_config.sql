-- Configuration: one row of SYNC_CONFIG per APPLY_CONFIG, one row of SYNC_TABLES per table
-- and version. Append-only: history is free, and a reader never waits for a writer.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_config (
    version NUMBER(19, 0) NOT NULL COMMENT 'Grows by one with every APPLY_CONFIG',
    config_text VARCHAR(16777216) NOT NULL COMMENT 'The text as it was given',
    config_sha256 VARCHAR(64) NOT NULL COMMENT 'Hex digest of the text',
    applied_at TIMESTAMP_TZ(6) NOT NULL,
    applied_by VARCHAR(255) COMMENT 'User who called APPLY_CONFIG'
)
COMMENT = 'Versions of the configuration; the highest is in force';

CREATE TABLE IF NOT EXISTS sync_tables (
    version NUMBER(19, 0) NOT NULL COMMENT 'Version of SYNC_CONFIG',
    table_name VARCHAR(255) NOT NULL COMMENT 'Configured name, lower case',
    group_name VARCHAR(255) COMMENT 'Group that schedules the table',
    target_name VARCHAR(1000) NOT NULL COMMENT 'Quoted name of the target table',
    freshness_sla_minutes NUMBER(9, 0) COMMENT 'Oldest data that is acceptable',
    settings VARCHAR(16777216) NOT NULL COMMENT 'JSON: the table with all defaults filled in'
)
COMMENT = 'Tables of each version of the configuration';
