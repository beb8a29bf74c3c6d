-- SYNC_ADMIN owns every object. Three roles for people, none above the others but by what
-- it may read: SYNC_CONFIGURATOR says what is synced, SYNC_OPERATOR calls procedures and
-- operates tasks, SYNC_READER reads views. Needs an account administrator; skipped by
-- `deploy_snowflake.sh --skip-account-objects` if an administrator has run it.
USE ROLE <% admin_role %>;

CREATE ROLE IF NOT EXISTS sync_reader COMMENT = 'Reads the views of the Aurora sync';
CREATE ROLE IF NOT EXISTS sync_operator COMMENT = 'Calls the procedures of the Aurora sync and operates its tasks';
CREATE ROLE IF NOT EXISTS sync_configurator COMMENT = 'Applies configurations of the Aurora sync';
CREATE ROLE IF NOT EXISTS sync_admin COMMENT = 'Owns every object of the Aurora sync';

GRANT ROLE sync_reader TO ROLE sync_operator;
GRANT ROLE sync_reader TO ROLE sync_configurator;
GRANT ROLE sync_operator TO ROLE sync_admin;
GRANT ROLE sync_configurator TO ROLE sync_admin;
GRANT ROLE sync_admin TO ROLE <% admin_role %>;

GRANT CREATE DATABASE ON ACCOUNT TO ROLE sync_admin;
GRANT EXECUTE TASK ON ACCOUNT TO ROLE sync_admin;
GRANT EXECUTE MANAGED TASK ON ACCOUNT TO ROLE sync_admin;
GRANT EXECUTE ALERT ON ACCOUNT TO ROLE sync_admin;
GRANT EXECUTE MANAGED ALERT ON ACCOUNT TO ROLE sync_admin; -- noqa: PRS
