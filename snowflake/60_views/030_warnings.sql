-- What the last sync of each table said although it went well.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_warnings (
    table_name COMMENT 'Configured name, for the calls',
    code COMMENT 'docs/RUNBOOK.md has an entry for each',
    message COMMENT 'What the sync met',
    hint COMMENT 'What to do',
    recorded_at COMMENT 'End of the sync',
    run_id COMMENT 'That sync, also in SYNC_HISTORY'
)
COPY GRANTS
COMMENT = 'One row per warning of the last sync of each table'
AS
WITH last_run AS (
    SELECT
        table_name,
        run_id,
        finished_at,
        warnings
    FROM sync_recent_runs
    WHERE kind NOT IN ('backfill', 'repair')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY finished_at DESC, started_at DESC) = 1
)

SELECT
    r.table_name,
    w.value:code::VARCHAR AS code,
    w.value:message::VARCHAR AS message,
    w.value:hint::VARCHAR AS hint,
    r.finished_at AS recorded_at,
    r.run_id
FROM last_run AS r
INNER JOIN sync_current_tables AS t ON r.table_name = t.table_name,
    LATERAL FLATTEN(INPUT => r.warnings) AS w;
