INSERT INTO control.sync_runs_history (
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
)
SELECT
    run_id, table_name, kind, status, started_at, finished_at,
    windows, rows_extracted, rows_inserted, rows_updated, rows_deleted, files, bytes,
    extract_seconds, load_seconds, merge_seconds, statements,
    watermark, oldest_transaction, null_cursor_rows,
    error_code, error_message, error_retryable, error_hint, warnings
FROM control.sync_runs
WHERE
    finished_at < TO_TIMESTAMP_TZ(?)
    AND (table_name, kind, status, finished_at) NOT IN (
        SELECT r.table_name, r.kind, r.status, MAX(r.finished_at)
        FROM control.sync_runs AS r
        GROUP BY r.table_name, r.kind, r.status
    )
    AND (table_name, kind, status, finished_at) NOT IN (
        SELECT f.table_name, f.kind, f.status, MIN(f.finished_at)
        FROM control.sync_runs AS f
        LEFT JOIN (
            SELECT g.table_name, g.kind, MAX(g.finished_at) AS good_at
            FROM control.sync_runs AS g
            WHERE g.status IN ('succeeded', 'unchanged')
            GROUP BY g.table_name, g.kind
        ) AS good ON f.table_name = good.table_name AND f.kind = good.kind
        WHERE
            f.status IN ('failed', 'abandoned')
            AND (good.good_at IS NULL OR f.finished_at > good.good_at)
        GROUP BY f.table_name, f.kind, f.status
    )
ORDER BY table_name, finished_at;
-- 1: "2026-01-02T03:04:05+00:00"
