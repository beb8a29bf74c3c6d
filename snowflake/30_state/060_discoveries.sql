-- What the patterns of the configuration have met in the sources; written by runs of groups.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_discoveries (
    what VARCHAR(20) NOT NULL COMMENT 'new, blocked (new, but not to be synced as it is), vanished (its target stays), looked',
    source VARCHAR(255) COMMENT 'Configured source',
    source_table VARCHAR(255) COMMENT 'Schema and table in PostgreSQL',
    table_name VARCHAR(255) COMMENT 'Configured name, or the one that it would have',
    policy VARCHAR(20) COMMENT 'What the pattern says of new tables: add, tell',
    recorded_at TIMESTAMP_TZ(6) NOT NULL
)
COMMENT = 'Tables that are new in a source, or no longer there, as far as patterns match them';
