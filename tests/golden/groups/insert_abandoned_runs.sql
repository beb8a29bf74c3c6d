INSERT INTO control.sync_runs (
    run_id, table_name, kind, status, finished_at, error_code, error_message,
    error_retryable, error_hint
)
SELECT
    column1, column2, 'unknown', 'abandoned', CURRENT_TIMESTAMP(), 'lease_lost',
    'The run ended without recording a result; its lease expired and was taken over.',
    TRUE, 'Nothing to do: the run that took over starts from the last commit.'
FROM VALUES
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR)),
    (CAST(? AS VARCHAR), CAST(? AS VARCHAR));
-- 1: "20260102T030405-0123456789ab"
-- 2: "a"
-- 3: "r2"
-- 4: "b"
