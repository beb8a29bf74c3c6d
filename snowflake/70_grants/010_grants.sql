-- Readers see the views and ledgers, operators call the procedures, and who configures
-- applies configurations. Nobody but SYNC_ADMIN writes state, calls the external function,
-- touches the stages or says which targets there may be.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE DATABASE <% database %>;

GRANT USAGE ON DATABASE <% database %> TO ROLE sync_reader;
GRANT USAGE ON SCHEMA control TO ROLE sync_reader;
GRANT SELECT ON ALL VIEWS IN SCHEMA control TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_config TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_tables TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_leases TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_watermarks TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_runs TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_quiet_runs TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_runs_history TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_watermarks_history TO ROLE sync_reader;
-- The bounds of the parts are keys of rows: an older release let readers see them.
REVOKE SELECT ON TABLE control.sync_parts FROM ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_schema_changes TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_altered_values TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_pauses TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_alerts TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_group_steps TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_discoveries TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_captures TO ROLE sync_reader;
GRANT SELECT ON TABLE control.sync_capture_tables TO ROLE sync_reader;

GRANT USAGE ON PROCEDURE control.sync_table(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.plan_sync(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.resync_table(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.confirm_deletes(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.sync_group(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.pause_table(VARCHAR, VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.resume_table(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.backfill_table(VARCHAR, VARCHAR, VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.validate_table(VARCHAR, BOOLEAN) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.check_sync(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.help() TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.apply_config(VARCHAR, BOOLEAN, BOOLEAN) TO ROLE sync_configurator;
GRANT USAGE ON PROCEDURE control.propose_config(VARCHAR, VARIANT) TO ROLE sync_configurator;
GRANT USAGE ON PROCEDURE control.add_tables(VARCHAR, VARIANT) TO ROLE sync_configurator;
GRANT USAGE ON PROCEDURE control.remove_tables(VARIANT) TO ROLE sync_configurator;
GRANT USAGE ON PROCEDURE control.plan_sync(VARCHAR) TO ROLE sync_configurator;
GRANT USAGE ON PROCEDURE control.check_sync(VARCHAR) TO ROLE sync_configurator;
GRANT USAGE ON PROCEDURE control.help() TO ROLE sync_configurator;
-- It names columns, which readers of the ledgers do not see.
GRANT USAGE ON PROCEDURE control.dbt_sources() TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.apply_tasks() TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.raise_alerts() TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.test_alert() TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.tidy() TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.log_setup(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.start_log(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.capture_log(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.stop_log(VARCHAR) TO ROLE sync_operator;
GRANT USAGE ON PROCEDURE control.resync_source(VARCHAR) TO ROLE sync_operator;
GRANT MONITOR, OPERATE ON FUTURE TASKS IN SCHEMA control TO ROLE sync_operator;
GRANT MONITOR, OPERATE ON ALL TASKS IN SCHEMA control TO ROLE sync_operator;
