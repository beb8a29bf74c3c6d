INSERT INTO control.sync_columns (
    table_name, generation, run_id, shape, recorded_at
)
SELECT ?, ?, ?, ?, CURRENT_TIMESTAMP();
