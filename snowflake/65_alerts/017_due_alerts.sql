-- What RAISE_ALERTS reports next. A table has recovered if its last alert told of a problem,
-- it has none now, and it was synced since. Problems are reminded of while they last, so an
-- alert that nobody was reminded of for a day is over and forgotten: of releases, for
-- example, that reported no recovery.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_due_alerts
COPY GRANTS
COMMENT = 'Problems to report, and tables that have recovered since they were reported'
AS
WITH last_alert AS (
    SELECT
        table_name,
        kind,
        error_code,
        raised_at,
        remind_at
    FROM sync_alerts
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY raised_at DESC) = 1
)

SELECT
    table_name,
    group_name,
    kind,
    error_code,
    message,
    hint,
    since
FROM sync_problems
WHERE alert_due
UNION ALL
SELECT
    s.table_name,
    s.group_name,
    'recovered' AS kind,
    a.error_code,
    '' AS message,
    '' AS hint,
    a.raised_at AS since
FROM last_alert AS a
INNER JOIN sync_status AS s ON a.table_name = s.table_name
LEFT JOIN sync_problems AS p ON a.table_name = p.table_name
WHERE
    a.kind <> 'recovered'
    AND p.table_name IS NULL
    AND s.state <> 'paused'
    AND s.last_run_finished_at > a.raised_at
    AND a.remind_at > DATEADD('day', -1, CURRENT_TIMESTAMP());
