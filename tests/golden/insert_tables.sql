INSERT INTO control.sync_tables (
    version, table_name, group_name, target_name, freshness_sla_minutes, settings
)
VALUES
    (?, ?, ?, ?, ?, ?),
    (?, ?, ?, ?, ?, ?);
