-- What the tasks of a group tell each other. Return values of tasks are not used: a task
-- that is repeated, or killed between two statements, finds its place in this ledger.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_group_steps (
    group_run_id VARCHAR(64) NOT NULL COMMENT 'One run of a group; the run id of each of its tables, too',
    group_name VARCHAR(255) NOT NULL,
    origin VARCHAR(20) NOT NULL COMMENT 'graph: the tasks of the group; call: SYNC_GROUP in a worksheet',
    table_name VARCHAR(255) COMMENT 'NULL: the group as a whole',
    step VARCHAR(20) NOT NULL COMMENT 'started, extract, load, merge, finished',
    status VARCHAR(20) NOT NULL COMMENT 'succeeded, failed, paused, alone (the load step does everything), done (it has)',
    identity_sha256 VARCHAR(64) COMMENT 'Digest of configuration and watermark version that the step is for',
    message VARCHAR(134217728) COMMENT 'JSON: reply of the extraction, or a report',
    error_code VARCHAR(64),
    error_message VARCHAR(16384),
    error_retryable BOOLEAN,
    error_hint VARCHAR(16384),
    recorded_at TIMESTAMP_TZ(6) NOT NULL,
    lane NUMBER(9, 0) COMMENT 'Lane of the graph that does the table, from 1; NULL: none does',
    place NUMBER(9, 0) COMMENT 'Place of the table in its lane, from 0'
)
COMMENT = 'Steps of the runs of each group';

ALTER TABLE sync_group_steps ADD COLUMN IF NOT EXISTS
    lane NUMBER(9, 0) COMMENT 'Lane of the graph that does the table, from 1; NULL: none does';
ALTER TABLE sync_group_steps ADD COLUMN IF NOT EXISTS
    place NUMBER(9, 0) COMMENT 'Place of the table in its lane, from 0';
