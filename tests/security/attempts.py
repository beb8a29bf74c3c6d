"""What whoever is not SYNC_ADMIN may not do, whichever role they have."""

# Reading rows, state that names keys, and what only the procedures need.
READ = (
    "SELECT * FROM aurora_sync.shop.orders",
    "SELECT COUNT(*) FROM aurora_sync.shop.orders WHERE card LIKE '4111%'",
    "SELECT * FROM aurora_sync.control.sync_parts",
    "SELECT * FROM aurora_sync.control.sync_columns",
    "CREATE VIEW aurora_sync.control.v AS SELECT * FROM aurora_sync.shop.orders",
    "CREATE TABLE aurora_sync.control.copied AS SELECT * FROM aurora_sync.shop.orders",
    "DESCRIBE TABLE aurora_sync.shop.orders",
    "LIST @aurora_sync.control.landing",
    "LIST @aurora_sync.control.code",
)
# Leaving by the one way out, and bringing code or files in.
OUT = (
    """SELECT aurora_sync.control.aurora_extract('{"op":"health"}')""",
    "PUT 'file:///etc/hostname' @aurora_sync.control.code",
    "PUT 'file:///etc/hostname' @aurora_sync.control.dashboard",
    "CREATE OR REPLACE PROCEDURE aurora_sync.control.sync_table(table_name VARCHAR)"
    " RETURNS VARIANT LANGUAGE PYTHON RUNTIME_VERSION = '3.11'"
    " PACKAGES = ('snowflake-snowpark-python') IMPORTS ="
    " ('@aurora_sync.control.code/x.zip')"
    " HANDLER = 'x.y' EXECUTE AS OWNER",
    "CREATE STAGE aurora_sync.control.mine URL = 's3://landing/prod/'"
    " STORAGE_INTEGRATION = aurora_sync_storage",
    "ALTER STAGE aurora_sync.control.landing SET URL = 's3://landing/other/'",
    "ALTER STORAGE INTEGRATION aurora_sync_storage SET ENABLED = FALSE",
    "ALTER API INTEGRATION aurora_sync_api SET ENABLED = FALSE",
    "DROP FUNCTION aurora_sync.control.aurora_extract(VARCHAR)",
)
# Changing state and targets past the procedures.
WRITE = (
    "INSERT INTO aurora_sync.control.sync_config SELECT * FROM"
    " aurora_sync.control.sync_config",
    "UPDATE aurora_sync.control.sync_tables SET settings = '{}'",
    "UPDATE aurora_sync.control.sync_leases SET run_id = 'mine'",
    "DELETE FROM aurora_sync.control.sync_watermarks",
    "TRUNCATE TABLE aurora_sync.control.sync_runs",
    "MERGE INTO aurora_sync.control.sync_config AS c USING (SELECT 1 AS v)"
    " AS s ON c.version = s.v"
    " WHEN MATCHED THEN UPDATE SET config_text = '{}'",
    "COPY INTO aurora_sync.control.sync_config FROM @aurora_sync.control.landing"
    " FILE_FORMAT = (FORMAT_NAME = 'aurora_sync.control.landing_csv')",
    "INSERT INTO aurora_sync.shop.orders VALUES (2, 'forged')",
    "DROP TABLE aurora_sync.shop.orders",
    "ALTER TABLE aurora_sync.shop.orders DROP COLUMN card",
    "CREATE OR REPLACE VIEW aurora_sync.control.sync_allowed_targets AS"
    " SELECT 'AURORA_SYNC' AS own_database, '*.*' AS allowed_targets",
    "DROP VIEW aurora_sync.control.sync_allowed_targets",
    "DROP SCHEMA aurora_sync.control",
    "DROP DATABASE aurora_sync",
)
# Becoming more than one is.
RISE = (
    "USE ROLE sync_admin",
    "USE ROLE accountadmin",
    "GRANT ROLE sync_admin TO ROLE public",
    "GRANT SELECT ON TABLE aurora_sync.shop.orders TO ROLE public",
    "GRANT USAGE ON FUNCTION aurora_sync.control.aurora_extract(VARCHAR) TO"
    " ROLE public",
    "GRANT OWNERSHIP ON VIEW aurora_sync.control.sync_allowed_targets TO ROLE public",
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
)
ALL = READ + OUT + WRITE + RISE
CONFIG = """{"version": 1, "sources": {"shop": {}},
"defaults": {"source": "shop", "target_schema": "SHOP"}, "tables": {"orders": {}}}"""
