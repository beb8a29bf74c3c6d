INSERT INTO control.sync_schema_changes (
    table_name, run_id, change, column_name, attribute_number,
    target_column, old_column_name, source_type, old_type, new_type, recorded_at
)
SELECT
    column1, column2, column3, column4, column5,
    column6, column7, column8, column9, column10, CURRENT_TIMESTAMP()
FROM VALUES
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?),
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
