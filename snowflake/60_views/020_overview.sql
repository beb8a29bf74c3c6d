-- What needs attention, worst first: the view that a person opens in an incident.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_overview (
    table_name COMMENT 'Configured name, for the calls',
    state COMMENT 'failed, late, lost, never synced, warning, running, paused, ok: worst first',
    since COMMENT 'Last good sync, or the start of a running one',
    freshness_minutes COMMENT 'Age of the target in minutes',
    what COMMENT 'What is wrong, how far a running load is, or why it is paused; NULL: nothing',
    what_to_do COMMENT 'What to do; NULL: nothing',
    group_name COMMENT 'Group whose task graph syncs the table',
    last_sync COMMENT 'End of the last sync'
)
COPY GRANTS
COMMENT = 'One row per table in eight columns, worst first: what, since when, what to do'
AS
WITH open_runs AS (
    SELECT
        table_name,
        acquired_at
    FROM sync_leases
    WHERE run_id IS NOT NULL AND expires_at > CURRENT_TIMESTAMP()
),

-- A snapshot that is not closed is what a running load works on.
parts AS (
    SELECT
        p.table_name,
        p.snapshot_id,
        MAX(IFF(p.part = '#plan', ARRAY_SIZE(PARSE_JSON(p.message):partitions), NULL)) AS planned,
        SUM(IFF(p.part IN ('#plan', '#closed'), 0, 1)) AS done,
        SUM(IFF(p.part IN ('#plan', '#closed'), 0, PARSE_JSON(p.message):rows::NUMBER)) AS rows_so_far,
        SUM(IFF(p.part = '#closed', 1, 0)) AS closed
    FROM sync_parts AS p
    INNER JOIN open_runs AS r ON p.table_name = r.table_name
    GROUP BY p.table_name, p.snapshot_id
),

progress AS (
    SELECT
        table_name,
        planned,
        done,
        rows_so_far
    FROM parts
    WHERE planned IS NOT NULL AND closed = 0
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY snapshot_id DESC) = 1
),

warned AS (
    SELECT
        table_name,
        warnings[0]:message::VARCHAR AS message,
        warnings[0]:hint::VARCHAR AS hint
    FROM sync_recent_runs
    WHERE kind NOT IN ('backfill', 'repair')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY finished_at DESC, started_at DESC) = 1
),

judged AS (
    SELECT
        s.table_name,
        IFF(s.state = 'ok' AND w.message IS NOT NULL, 'warning', s.state) AS state,
        IFF(s.state = 'running', r.acquired_at, s.fresh_as_of) AS since,
        s.freshness_minutes,
        CASE s.state
            WHEN 'running'
                THEN
                    'running'
                    || COALESCE(
                        ': ' || g.done || ' of ' || g.planned || ' parts, ' || g.rows_so_far || ' rows so far', ''
                    )
            WHEN 'paused' THEN s.paused_reason
            WHEN 'late' THEN 'Its data may be ' || s.freshness_sla_minutes || ' minutes old and is older.'
            WHEN 'lost' THEN 'Its run has vanished; the next sync takes over.'
            WHEN 'never synced' THEN 'It was never synced.'
            WHEN 'failed' THEN '[' || s.last_error_code || '] ' || s.last_error_message
            ELSE w.message
        END AS what,
        CASE s.state
            WHEN 'running' THEN NULL
            WHEN 'paused' THEN 'CALL RESUME_TABLE(''' || s.table_name || ''');'
            WHEN 'failed' THEN s.last_error_hint
            WHEN 'ok' THEN w.hint
            ELSE 'CALL SYNC_TABLE(''' || s.table_name || ''');'
        END AS what_to_do,
        s.group_name,
        s.last_run_finished_at
    FROM sync_status AS s
    LEFT JOIN open_runs AS r ON s.table_name = r.table_name
    LEFT JOIN progress AS g ON s.table_name = g.table_name
    LEFT JOIN warned AS w ON s.table_name = w.table_name
)

SELECT
    table_name,
    state,
    since,
    freshness_minutes,
    what,
    what_to_do,
    group_name,
    last_run_finished_at
FROM judged
ORDER BY
    DECODE(
        state,
        'failed', 1,
        'late', 2,
        'lost', 3,
        'never synced', 4,
        'warning', 5,
        'running', 6,
        'paused', 7,
        8
    ) ASC,
    freshness_minutes DESC NULLS LAST,
    table_name ASC;
