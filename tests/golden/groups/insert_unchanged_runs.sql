INSERT INTO control.sync_quiet_runs (
    run_id, started_at, finished_at, statements, tables
)
SELECT ?, TO_TIMESTAMP_TZ(?), CURRENT_TIMESTAMP(), ?, PARSE_JSON(?);
-- 1: "20260102T030405-0123456789ab"
-- 2: "2026-01-02T03:04:05+00:00"
-- 3: 12
-- 4: "[{\"name\": \"orders\", \"windows\": 1, \"extract_seconds\": 0.0, \"watermark\": \"2026-01-01 00:00:00+00\", \"null_cursor_rows\": -1, \"warnings\": []}, {\"name\": \"items\", \"windows\": 0, \"extract_seconds\": 0.0, \"null_cursor_rows\": -1, \"warnings\": [{\"code\": \"late\", \"message\": \"It's late.\", \"hint\": \"Wait.\"}]}]"
