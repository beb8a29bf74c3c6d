INSERT ALL
    INTO control.sync_runs (
        run_id,
        table_name,
        kind,
        status,
        started_at,
        windows,
        rows_extracted,
        rows_inserted,
        rows_updated,
        rows_deleted,
        files,
        bytes,
        extract_seconds,
        load_seconds,
        merge_seconds,
        statements,
        watermark,
        oldest_transaction,
        null_cursor_rows,
        error_code,
        error_message,
        error_retryable,
        error_hint,
        warnings,
        finished_at
    ) VALUES (
        run_run_id,
        run_table_name,
        run_kind,
        run_status,
        run_started_at,
        run_windows,
        run_rows_extracted,
        run_rows_inserted,
        run_rows_updated,
        run_rows_deleted,
        run_files,
        run_bytes,
        run_extract_seconds,
        run_load_seconds,
        run_merge_seconds,
        run_statements,
        run_watermark,
        run_oldest_transaction,
        run_null_cursor_rows,
        run_error_code,
        run_error_message,
        run_error_retryable,
        run_error_hint,
        run_warnings,
        recorded_at
    )
    INTO control.sync_watermarks (
        table_name,
        version,
        run_id,
        kind,
        origin,
        watermark,
        watermark_type,
        pending_value,
        pending_seen_at,
        overlap_rows,
        overlap_digest,
        columns_sha256,
        row_count,
        source_identity,
        refined_at,
        capture_version,
        log_identity,
        target_rows,
        recorded_at
    ) VALUES (
        mark_table_name,
        mark_version,
        mark_run_id,
        mark_kind,
        mark_origin,
        mark_watermark,
        mark_watermark_type,
        mark_pending_value,
        mark_pending_seen_at,
        mark_overlap_rows,
        mark_overlap_digest,
        mark_columns_sha256,
        mark_row_count,
        mark_source_identity,
        mark_refined_at,
        mark_capture_version,
        mark_log_identity,
        mark_target_rows,
        recorded_at
    )
SELECT
    ? AS run_run_id,
    ? AS run_table_name,
    ? AS run_kind,
    ? AS run_status,
    TO_TIMESTAMP_TZ(?) AS run_started_at,
    ? AS run_windows,
    ? AS run_rows_extracted,
    ? AS run_rows_inserted,
    ? AS run_rows_updated,
    ? AS run_rows_deleted,
    ? AS run_files,
    ? AS run_bytes,
    ? AS run_extract_seconds,
    ? AS run_load_seconds,
    ? AS run_merge_seconds,
    ? AS run_statements,
    ? AS run_watermark,
    ? AS run_oldest_transaction,
    ? AS run_null_cursor_rows,
    ? AS run_error_code,
    ? AS run_error_message,
    ? AS run_error_retryable,
    ? AS run_error_hint,
    PARSE_JSON(?) AS run_warnings,
    ? AS mark_table_name,
    ? AS mark_version,
    ? AS mark_run_id,
    ? AS mark_kind,
    ? AS mark_origin,
    ? AS mark_watermark,
    ? AS mark_watermark_type,
    ? AS mark_pending_value,
    ? AS mark_pending_seen_at,
    ? AS mark_overlap_rows,
    ? AS mark_overlap_digest,
    ? AS mark_columns_sha256,
    ? AS mark_row_count,
    ? AS mark_source_identity,
    ? AS mark_refined_at,
    ? AS mark_capture_version,
    ? AS mark_log_identity,
    ? AS mark_target_rows,
    CURRENT_TIMESTAMP() AS recorded_at
FROM control.sync_leases AS l
WHERE
    l.table_name = ?
    AND l.run_id = ?
    AND NOT EXISTS (
        SELECT w.version
        FROM control.sync_watermarks AS w
        WHERE w.table_name = ? AND w.version > ?
    );
-- 1: "20260102T030405-0123456789ab"
-- 2: "orders"
-- 3: "increment"
-- 4: "succeeded"
-- 5: "2026-01-02T03:04:05+00:00"
-- 6: 1
-- 7: 2
-- 8: 0
-- 9: 0
-- 10: 0
-- 11: 0
-- 12: 0
-- 13: 0.0
-- 14: 0.0
-- 15: 0.0
-- 16: 9
-- 17: null
-- 18: null
-- 19: -1
-- 20: null
-- 21: null
-- 22: null
-- 23: null
-- 24: "[]"
-- 25: "orders"
-- 26: 8
-- 27: "20260102T030405-0123456789ab"
-- 28: "increment"
-- 29: "public.orders"
-- 30: "2026-01-02 00:00:00+00"
-- 31: "timestamp with time zone"
-- 32: "41"
-- 33: "2026-01-02 00:00:00+00"
-- 34: 3
-- 35: "99"
-- 36: "c0ffee"
-- 37: 2
-- 38: null
-- 39: null
-- 40: null
-- 41: null
-- 42: null
-- 43: "orders"
-- 44: "20260102T030405-0123456789ab"
-- 45: "orders"
-- 46: 7
