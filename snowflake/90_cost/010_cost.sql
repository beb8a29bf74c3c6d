-- What each table costs. Optional (deploy_snowflake.sh --with-cost): reading the account's usage
-- is a right of its own, so the view belongs to the admin role and SYNC_ADMIN gets nothing.
-- A query tag cannot be set under owner's rights; what ties credits to a table is the CALL
-- that a run belongs to: its text names the table or the group, its time spans the run, and
-- PARENT_QUERY_ID of every statement below leads to it. (ROOT_QUERY_ID does not, if the CALL
-- stands in the block of a task.)
USE ROLE <% admin_role %>;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_cost (
    day COMMENT 'Day of the call, in the time zone of the session',
    table_name COMMENT 'Configured name; NULL: a call that no run could be tied to, such as one with bound arguments',
    credits COMMENT 'Of the calls on a warehouse, without idle time and cloud services; and of serverless tasks',
    calls COMMENT 'Calls that had a part in it; one call of a group counts for each of its tables',
    runs COMMENT 'Runs of the table in those calls',
    rows_extracted COMMENT 'Rows that those runs read',
    bytes COMMENT 'Compressed bytes that those runs loaded'
)
COPY GRANTS
COMMENT = 'Credits per table and day, up to eight hours late'
AS
WITH texts AS (
    SELECT
        query_id,
        start_time,
        end_time,
        -- CALL AURORA_SYNC.CONTROL.SYNC_TABLE('orders'): the last word before the parenthesis,
        -- and what stands between the first two quotes.
        SPLIT_PART(REPLACE(LOWER(TRIM(SPLIT_PART(query_text, '(', 1))), ' ', '.'), '.', -1) AS procedure_name,
        SPLIT_PART(query_text, '''', 2) AS argument
    FROM snowflake.account_usage.query_history
    WHERE query_type = 'CALL' AND start_time >= DATEADD('day', -90, CURRENT_TIMESTAMP())
),

calls AS (
    SELECT
        query_id,
        start_time,
        end_time,
        IFF(ENDSWITH(procedure_name, '_table'), LOWER(argument), NULL) AS table_name,
        IFF(ENDSWITH(procedure_name, '_table'), NULL, argument) AS group_name
    FROM texts
    WHERE procedure_name IN (
        'sync_table', 'resync_table', 'load_table', 'merge_table', 'backfill_table', 'validate_table',
        'sync_group', 'extract_group', 'finish_group', 'extract_lanes', 'load_lane'
    )
),

credits AS (
    SELECT
        COALESCE(own.query_id, above.query_id, a.root_query_id, a.query_id) AS query_id,
        SUM(a.credits_attributed_compute + COALESCE(a.credits_used_query_acceleration, 0)) AS credits
    FROM snowflake.account_usage.query_attribution_history AS a
    LEFT JOIN calls AS own ON a.query_id = own.query_id
    LEFT JOIN calls AS above ON a.parent_query_id = above.query_id
    WHERE a.start_time >= DATEADD('day', -90, CURRENT_TIMESTAMP())
    GROUP BY 1
),

runs AS (
    SELECT
        r.table_name,
        t.group_name,
        r.run_id,
        MIN(r.started_at) AS started_at,
        MAX(r.finished_at) AS finished_at,
        SUM(r.rows_extracted) AS rows_extracted,
        SUM(r.bytes) AS bytes
    FROM sync_history AS r
    LEFT JOIN sync_current_tables AS t ON r.table_name = t.table_name
    GROUP BY r.table_name, t.group_name, r.run_id
),

-- A call of a group is shared evenly by the tables it served.
call_shares AS (
    SELECT
        c.query_id,
        c.start_time,
        COALESCE(r.table_name, NULLIF(c.table_name, '')) AS table_name,
        r.run_id,
        r.rows_extracted,
        r.bytes,
        1 / COUNT(*) OVER (PARTITION BY c.query_id) AS share
    FROM calls AS c
    LEFT JOIN runs AS r
        ON (c.table_name = r.table_name OR c.group_name = r.group_name)
            AND r.started_at <= c.end_time
            AND r.finished_at >= c.start_time
),

-- The calls of a graph belong to one run, whose rows count once.
weighed AS (
    SELECT
        s.query_id,
        s.start_time,
        s.table_name,
        s.run_id,
        k.credits * s.share AS credits,
        ROW_NUMBER() OVER (PARTITION BY s.table_name, s.run_id ORDER BY s.start_time ASC) AS nth,
        s.rows_extracted,
        s.bytes
    FROM call_shares AS s
    INNER JOIN credits AS k ON s.query_id = k.query_id
),

-- Serverless tasks have no attributed query; their names tell the group, with the number of a
-- lane, or the table (those of graphs without lanes).
serverless AS (
    SELECT
        h.start_time,
        t.table_name,
        -- A text on the platform, unlike every other view of credits.
        TO_DOUBLE(h.credits_used) / COUNT(*) OVER (PARTITION BY h.task_name, h.start_time) AS credits
    FROM snowflake.account_usage.serverless_task_history AS h
    INNER JOIN sync_current_tables AS t
        ON h.task_name IN (
            'LOAD_' || UPPER(t.table_name), 'MERGE_' || UPPER(t.table_name),
            'EXTRACT_' || UPPER(t.group_name), 'FINISH_' || UPPER(t.group_name)
        )
        OR (
            STARTSWITH(h.task_name, 'LOAD_' || UPPER(t.group_name) || '_')
            AND REGEXP_LIKE(SUBSTR(h.task_name, LENGTH(t.group_name) + 7), '[0-9]+')
        )
    WHERE
        h.start_time >= DATEADD('day', -90, CURRENT_TIMESTAMP())
        AND UPPER(h.database_name) = UPPER('<% database %>')
        AND h.schema_name = 'CONTROL'
),

shown AS (
    SELECT
        start_time,
        table_name,
        credits,
        query_id,
        IFF(nth = 1 AND run_id IS NOT NULL, 1, 0) AS runs,
        IFF(nth = 1, rows_extracted, 0) AS rows_extracted,
        IFF(nth = 1, bytes, 0) AS bytes
    FROM weighed
    UNION ALL
    SELECT
        start_time,
        table_name,
        credits,
        NULL AS query_id,
        0 AS runs,
        0 AS rows_extracted,
        0 AS bytes
    FROM serverless
)

SELECT
    DATE_TRUNC('day', start_time)::DATE AS day,
    table_name,
    SUM(credits) AS credits,
    COUNT(DISTINCT query_id) AS calls,
    SUM(runs) AS runs,
    SUM(rows_extracted) AS rows_extracted,
    SUM(bytes) AS bytes
FROM shown
GROUP BY 1, 2;

-- The schema has managed access: its owner grants, whoever owns the view.
USE ROLE sync_admin;
USE SCHEMA <% database %>.control;
GRANT SELECT ON VIEW sync_cost TO ROLE sync_reader;
