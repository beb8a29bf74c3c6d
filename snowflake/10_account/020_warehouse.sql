-- The smallest warehouse: an extraction keeps it waiting, not working. It suspends after
-- one minute, so that it costs nothing between syncs. The size of one that exists is the
-- account's own choice and stays.
USE ROLE <% admin_role %>;

CREATE WAREHOUSE IF NOT EXISTS <% warehouse %>
WAREHOUSE_SIZE = 'XSMALL'
AUTO_SUSPEND = 60
AUTO_RESUME = TRUE
INITIALLY_SUSPENDED = TRUE
COMMENT = 'Runs the Aurora sync';
ALTER WAREHOUSE <% warehouse %> SET
AUTO_SUSPEND = 60
AUTO_RESUME = TRUE
COMMENT = 'Runs the Aurora sync';

GRANT USAGE, OPERATE, MONITOR ON WAREHOUSE <% warehouse %> TO ROLE sync_admin;
GRANT USAGE ON WAREHOUSE <% warehouse %> TO ROLE sync_operator;
GRANT USAGE ON WAREHOUSE <% warehouse %> TO ROLE sync_configurator;
GRANT USAGE ON WAREHOUSE <% warehouse %> TO ROLE sync_reader;
