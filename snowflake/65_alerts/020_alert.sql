-- Looks at the freshness of every table, also when no task runs at all. Serverless: a
-- warehouse would be woken up for a query of a moment. Never suspended by failures: nobody
-- would be notified any more.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR ALTER ALERT sync_problem -- noqa: PRS
SCHEDULE = '15 MINUTE'
COMMENT = 'Reports tables that failed or are late: once, again after alerts.reminder_hours, and their recovery'
SUSPEND_ALERT_AFTER_NUM_FAILURES = 0
IF (EXISTS (SELECT 1 FROM <% database %>.control.sync_due_alerts))
THEN CALL <% database %>.control.raise_alerts();

ALTER ALERT sync_problem RESUME;

-- Its name in releases before SYNC_PROBLEMS; two would look at the same.
DROP ALERT IF EXISTS sync_trouble;
