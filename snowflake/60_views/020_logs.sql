-- Mode log: up to where the log of each source is recorded, and what its slot holds back.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_logs (
    source_name COMMENT 'Source whose log is recorded',
    state COMMENT 'ok, late (no capture for two hours), broken (nothing is recorded since a gap: START_LOG, RESYNC_SOURCE)',
    captured_upto COMMENT 'Position up to which the log is recorded',
    last_capture_at COMMENT 'When the last capture was recorded',
    minutes_since_capture COMMENT 'Age of the last capture; PostgreSQL keeps WAL for as long',
    retained_bytes COMMENT 'WAL that the server kept for the slot before the last capture',
    wal_status COMMENT 'As pg_replication_slots had it; extended, unreserved and lost are a danger',
    catalog_xmin_age COMMENT 'Transactions for which old rows of the catalog are kept',
    oldest_transaction COMMENT 'Start of the oldest open transaction, which holds the WAL',
    changes_last_day COMMENT 'Changes of the tables of mode log in the last 24 hours',
    captures_last_day COMMENT 'Captures in the last 24 hours',
    last_gap_at COMMENT 'When the chain broke last; each table was read as a whole since',
    last_gap_reason COMMENT 'Why',
    tables_refused COMMENT 'Tables of which the log does not tell; their syncs say why'
)
COPY GRANTS
COMMENT = 'One row per source of mode log: last capture, retained WAL, gaps'
AS
WITH latest AS (
    SELECT
        source_name,
        version,
        kind
    FROM sync_captures
    QUALIFY ROW_NUMBER() OVER (PARTITION BY source_name ORDER BY version DESC) = 1
),

captures AS (
    SELECT
        source_name,
        version,
        to_lsn,
        recorded_at,
        retained_bytes,
        wal_status,
        catalog_xmin_age,
        oldest_transaction
    FROM sync_captures
    WHERE kind = 'capture'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY source_name ORDER BY version DESC) = 1
),

gaps AS (
    SELECT
        source_name,
        reason,
        recorded_at
    FROM sync_captures
    WHERE kind = 'gap'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY source_name ORDER BY version DESC) = 1
),

days AS (
    SELECT
        source_name,
        SUM(changes) AS changes,
        COUNT(*) AS captures
    FROM sync_captures
    WHERE kind = 'capture' AND recorded_at > DATEADD('hour', -24, CURRENT_TIMESTAMP())
    GROUP BY source_name
),

refused AS (
    SELECT
        t.source_name,
        COUNT(*) AS tables
    FROM sync_capture_tables AS t
    INNER JOIN latest AS l ON t.source_name = l.source_name AND t.version = l.version
    WHERE t.error_code IS NOT NULL
    GROUP BY t.source_name
)

SELECT
    l.source_name,
    CASE
        WHEN l.kind = 'gap' THEN 'broken'
        WHEN DATEDIFF('minute', c.recorded_at, CURRENT_TIMESTAMP()) > 120 THEN 'late'
        ELSE 'ok'
    END AS state,
    c.to_lsn AS captured_upto,
    c.recorded_at AS last_capture_at,
    DATEDIFF('minute', c.recorded_at, CURRENT_TIMESTAMP()) AS minutes_since_capture,
    c.retained_bytes,
    c.wal_status,
    c.catalog_xmin_age,
    c.oldest_transaction,
    COALESCE(d.changes, 0) AS changes_last_day,
    COALESCE(d.captures, 0) AS captures_last_day,
    g.recorded_at AS last_gap_at,
    g.reason AS last_gap_reason,
    COALESCE(r.tables, 0) AS tables_refused
FROM latest AS l
LEFT JOIN captures AS c ON l.source_name = c.source_name
LEFT JOIN gaps AS g ON l.source_name = g.source_name
LEFT JOIN days AS d ON l.source_name = d.source_name
LEFT JOIN refused AS r ON l.source_name = r.source_name;
