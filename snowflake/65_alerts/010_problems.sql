-- What is wrong now, and whether people are to be notified. One row per table: a table that
-- failed is late sooner or later, and need not be reported twice.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_problems
COPY GRANTS
COMMENT = 'One row per table that failed or is late: what, since when, what to do'
AS
WITH runs AS (
    -- Comparing keys may fail after each good increment: it is a problem of its own.
    SELECT
        table_name,
        finished_at,
        status,
        IFF(kind = 'key_compare', 'key_compare', 'sync') AS what
    FROM sync_recent_runs
    WHERE kind NOT IN ('backfill', 'repair')
),

good AS (
    SELECT
        table_name,
        what,
        MAX(finished_at) AS last_good
    FROM runs
    WHERE status IN ('succeeded', 'unchanged')
    GROUP BY table_name, what
),

failing AS (
    SELECT
        r.table_name,
        r.what,
        MIN(r.finished_at) AS since
    FROM runs AS r
    LEFT JOIN good AS g ON r.table_name = g.table_name AND r.what = g.what
    WHERE
        r.status IN ('failed', 'abandoned')
        AND (g.last_good IS NULL OR r.finished_at > g.last_good)
    GROUP BY r.table_name, r.what
),

configured AS (
    SELECT
        t.table_name,
        MIN(c.applied_at) AS since
    FROM sync_tables AS t
    INNER JOIN sync_config AS c ON t.version = c.version
    GROUP BY t.table_name
),

problems AS (
    SELECT
        s.table_name,
        s.group_name,
        'failed' AS kind,
        s.last_error_code AS error_code,
        s.last_error_message AS message,
        s.last_error_hint AS hint,
        f.since
    FROM sync_status AS s
    INNER JOIN failing AS f
        ON
            s.table_name = f.table_name
            AND f.what = IFF(s.last_run_kind = 'key_compare', 'key_compare', 'sync')
    WHERE s.state <> 'paused' AND s.last_run_status IN ('failed', 'abandoned')
    UNION ALL
    SELECT
        s.table_name,
        s.group_name,
        'late' AS kind,
        'freshness_sla' AS error_code,
        'Its data may be ' || s.freshness_sla_minutes || ' minutes old and is older.' AS message,
        'Check that the task graph of its group runs (SHOW TASKS IN SCHEMA CONTROL), then CALL SYNC_TABLE.' AS hint,
        DATEADD('minute', s.freshness_sla_minutes, COALESCE(s.fresh_as_of, c.since)) AS since
    FROM sync_status AS s
    INNER JOIN configured AS c ON s.table_name = c.table_name
    WHERE
        s.state <> 'paused'
        AND (s.last_run_status IS NULL OR s.last_run_status NOT IN ('failed', 'abandoned'))
        AND DATEADD('minute', s.freshness_sla_minutes, COALESCE(s.fresh_as_of, c.since)) < CURRENT_TIMESTAMP()
)

-- A join and not NOT EXISTS: as a column, Snowflake takes few kinds of subqueries.
SELECT
    p.table_name,
    p.group_name,
    p.kind,
    p.error_code,
    p.message,
    p.hint,
    p.since,
    COUNT(a.table_name) = 0 AS alert_due
FROM problems AS p
LEFT JOIN sync_alerts AS a
    ON
        p.table_name = a.table_name
        AND p.kind = a.kind
        AND p.error_code = a.error_code
        AND p.since <= a.raised_at
        AND a.remind_at > CURRENT_TIMESTAMP()
GROUP BY p.table_name, p.group_name, p.kind, p.error_code, p.message, p.hint, p.since;
