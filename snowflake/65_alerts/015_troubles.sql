-- The name that SYNC_PROBLEMS had before, for queries of users. It goes with the next release.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE VIEW sync_troubles
COPY GRANTS
COMMENT = 'Old name of SYNC_PROBLEMS; gone with the next release'
AS
SELECT
    table_name,
    group_name,
    kind,
    error_code,
    message,
    hint,
    since,
    alert_due
FROM sync_problems;
