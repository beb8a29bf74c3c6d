-- What people were notified of; written by RAISE_ALERTS alone.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_alerts (
    table_name VARCHAR(255) NOT NULL,
    group_name VARCHAR(255),
    kind VARCHAR(20) NOT NULL COMMENT 'failed: its last run; late: older than its freshness_sla_minutes; recovered: in sync again',
    error_code VARCHAR(64) NOT NULL COMMENT 'docs/RUNBOOK.md has an entry for each',
    message VARCHAR(16384),
    hint VARCHAR(16384),
    sent_to VARCHAR(1000) COMMENT 'Notification integrations; NULL: none is configured, or none took it',
    send_error VARCHAR(4000) COMMENT 'Why it could not be sent',
    raised_at TIMESTAMP_TZ(6) NOT NULL,
    remind_at TIMESTAMP_TZ(6) NOT NULL COMMENT 'Before that, the same problem is not reported again'
)
COMMENT = 'Alerts that were raised';

-- A table that is there keeps its comments, unless they are set.
ALTER TABLE sync_alerts ALTER COLUMN kind
COMMENT 'failed: its last run; late: older than its freshness_sla_minutes; recovered: in sync again';
ALTER TABLE sync_alerts ALTER COLUMN remind_at
COMMENT 'Before that, the same problem is not reported again';
