-- Looks at the freshness of every table, also when no task runs at all. Serverless: a
-- warehouse would be woken up for a query of a moment.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE ALERT sync_trouble
SCHEDULE = '15 MINUTE'
COMMENT = 'Tells people of tables that failed or are late: once, and again after alerts.reminder_hours'
IF (EXISTS (SELECT 1 FROM <% database %>.control.sync_troubles WHERE alert_due))
THEN CALL <% database %>.control.raise_alerts();

ALTER ALERT sync_trouble RESUME;
