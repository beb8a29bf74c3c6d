"""The name of each statement that the procedures send: that of its builder."""

import re

_LEASES = r"UPDATE control\.sync_leases SET"
# The name of a statement -> what its text begins with, blanks and line ends made one.
NAMES: dict[str, str] = {
    "begin": r"BEGIN TRANSACTION$",
    "commit": r"COMMIT$",
    "rollback": r"ROLLBACK$",
    "longest_list": r"SELECT 1 FROM TABLE\(GENERATOR\(ROWCOUNT => ",
    "read_transaction": r"SELECT CURRENT_TRANSACTION\(\)$",
    "take_lease": rf"{_LEASES} previous_run_id.* WHERE table_name = ",
    "take_leases": rf"{_LEASES} previous_run_id.* WHERE table_name IN ",
    "hold_lease": rf"{_LEASES} expires_at = DATEADD.* WHERE table_name = \? AND run_id",
    "release_lease": rf"{_LEASES} run_id = NULL.* WHERE table_name = \? AND run_id = ",
    "release_leases": rf"{_LEASES} run_id = NULL.* WHERE run_id = ",
    "read_lease": r"SELECT run_id, .* FROM control\.sync_leases",
    "read_state": r"SELECT .* AS dates_read_as.* WHERE t\.table_name = ",
    "read_states": r"SELECT .* AS dates_read_as.* WHERE t\.table_name IN ",
    "read_dates": r"SELECT TO_VARCHAR\(TRY_CAST\('2001-02-03'.* AS dates_read_as$",
    "list_tables": r"SELECT table_name FROM control\.sync_current_tables ORDER",
    "insert_watermark": r"INSERT INTO control\.sync_watermarks ",
    "insert_abandoned_run": r"INSERT INTO control\.sync_runs .*'abandoned'",
    "insert_run": r"INSERT INTO control\.sync_runs ",
    "read_last_error": r"SELECT error_code FROM control\.sync_runs",
    "insert_altered_values": r"INSERT INTO control\.sync_altered_values ",
    "insert_shape": r"INSERT INTO control\.sync_columns ",
    "insert_schema_changes": r"INSERT INTO control\.sync_schema_changes ",
    "read_config_text": r"SELECT config_text FROM control\.sync_config",
    "insert_part": r"INSERT INTO control\.sync_parts ",
    "read_open_parts": r"SELECT .* FROM control\.sync_parts AS p",
    "insert_steps": r"INSERT INTO control\.sync_group_steps ",
    "read_table_steps": r"SELECT .* FROM control\.sync_group_steps WHERE table_name",
    "read_group_steps": r"SELECT .* FROM control\.sync_group_steps WHERE group_run_id",
    "read_graph_runs": r"SELECT r\.group_run_id",
    "list_groups": r"SELECT DISTINCT group_name",
    "list_group_tables": r"SELECT group_name, table_name .*UPPER\(group_name\) = ",
    "create_staging": r'CREATE OR REPLACE TRANSIENT TABLE "STAGING"',
    "drop_landed": r'DROP TABLE IF EXISTS "STAGING"\."P_\w+__LANDED_',
    "drop_staging": r'DROP TABLE IF EXISTS "STAGING"',
    "copy_files": r'COPY INTO "STAGING"',
    "key_bounds": r'SELECT .* AS "LOWEST", ',
    "merge": r"MERGE INTO .* WHEN NOT MATCHED",
    "flag_gone": r'MERGE INTO .* UPDATE SET "_SYNC_DELETED_AT" = TO_TIMESTAMP_TZ',
    "revive": r'MERGE INTO .* UPDATE SET "_SYNC_DELETED_AT" = NULL',
    "remove_gone": r"MERGE INTO .* WHEN MATCHED THEN DELETE$",
    "overwrite": r"INSERT OVERWRITE INTO ",
    "count_rows": r"SELECT COUNT\(\*\) AS row_count FROM",
    "count_gone": r"SELECT COUNT\(\*\) AS alive, ",
    "shared_keys": r'SELECT COALESCE\(SUM\(shared\."ROW_COUNT"',
    "missing_keys": r'SELECT DISTINCT source\."_SYNC_KEY_HASH"',
    "describe_target": r"DESCRIBE TABLE ",
    "create_target": r"CREATE TABLE IF NOT EXISTS ",
    "add_column": r"ALTER TABLE .* ADD COLUMN IF NOT EXISTS ",
    "rename_column": r"ALTER TABLE .* RENAME COLUMN ",
    "widen_column": r"ALTER TABLE .* ALTER COLUMN .* SET DATA TYPE ",
    "extract": r"SELECT .*control\.aurora_extract\(",
    "show_pipes": r"SHOW PIPES LIKE ",
    "read_settings": r"SELECT database_name, topic_arn FROM",
    "create_landed": r'CREATE TRANSIENT TABLE IF NOT EXISTS "STAGING"',
    "create_pipe": r"CREATE PIPE IF NOT EXISTS ",
    "refresh_pipe": r"ALTER PIPE .* REFRESH PREFIX = ",
    "pipe_status": r"SELECT SYSTEM\$PIPE_STATUS",
    "copy_history": r"SELECT file_name, status, row_count",
    "fill_staging": r'INSERT INTO "STAGING"',
    "forget_rows": r'DELETE FROM "STAGING"\."P_\w+__LANDED_',
    "drop_pipe": r"DROP PIPE IF EXISTS ",
    "buckets": r"SELECT LEFT\(key_hash, \?\) AS bucket, ",
    "digest_rows": r"SELECT key_hash, row_hash FROM",
    "detail": r"SELECT key_hash, row_hash, column_hashes",
    "read_log_tables": r"SELECT settings FROM control\.sync_current_tables",
    "insert_capture_lease": r"INSERT INTO control\.sync_leases .*SELECT \?",
    "read_latest_capture": r"SELECT c\.version, c\.kind, c\.reason, ",
    "insert_capture": r"INSERT INTO control\.sync_captures .*'capture'",
    "insert_gap": r"INSERT INTO control\.sync_captures .*'gap'",
    "insert_capture_tables": r"INSERT INTO control\.sync_capture_tables ",
    "read_pending": r"SELECT .* FROM control\.sync_captures AS c LEFT JOIN",
    "remove_extra": r'(DELETE FROM|UPDATE) "\w+"\."\w+" .*MD5\(',
}
_PATTERNS = {name: re.compile(text, re.DOTALL) for name, text in NAMES.items()}


def name_of(text: str) -> str:
    """Returns the name of a statement.

    Raises:
        AssertionError: It has none.
    """
    line = " ".join(text.split())
    for name, pattern in _PATTERNS.items():
        if pattern.match(line):
            return name
    raise AssertionError(f"no name for the statement: {line[:200]}")
