-- Mode log: the chain of captures of each source, append-only. The latest row says up to
-- where its log is recorded; the next capture confirms that to PostgreSQL.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE TABLE IF NOT EXISTS sync_captures (
    source_name VARCHAR(255) NOT NULL,
    version NUMBER(19, 0) NOT NULL COMMENT 'Grows by one with every capture of the source',
    run_id VARCHAR(64) NOT NULL,
    kind VARCHAR(20) NOT NULL COMMENT 'capture; gap: what came before is not continued, each table is read as a whole',
    reason VARCHAR(64) COMMENT 'Of a gap: started, stopped, resync',
    from_lsn VARCHAR(32) COMMENT 'Position in the log from which on changes are told',
    to_lsn VARCHAR(32) COMMENT 'Position in the log where the next capture begins',
    server VARCHAR(64) COMMENT 'System identifier and timeline of the server; empty: may not be read',
    complete BOOLEAN COMMENT 'FALSE: the log went on, and another capture followed',
    commits NUMBER(19, 0) COMMENT 'Transactions with changes',
    changes NUMBER(19, 0) COMMENT 'Changes of the tables of mode log',
    retained_bytes NUMBER(19, 0) COMMENT 'WAL that the server keeps for the slot',
    restart_lsn VARCHAR(32) COMMENT 'Position in the log from which on the server keeps it',
    wal_status VARCHAR(20) COMMENT 'As pg_replication_slots has it',
    catalog_xmin_age NUMBER(19, 0) COMMENT 'Transactions for which old rows of the catalog are kept',
    oldest_transaction VARCHAR(64) COMMENT 'Start of the oldest open transaction, which holds the WAL',
    extract_seconds NUMBER(12, 3),
    captured_at VARCHAR(64) COMMENT 'PostgreSQL clock of the capture',
    table_names VARCHAR(16777216) COMMENT 'JSON: tables of mode log that it was asked for; of others it tells nothing',
    recorded_at TIMESTAMP_TZ(6) NOT NULL
)
COMMENT = 'One row per capture of a log: what is recorded of it';

CREATE TABLE IF NOT EXISTS sync_capture_tables (
    source_name VARCHAR(255) NOT NULL,
    version NUMBER(19, 0) NOT NULL COMMENT 'Version of the capture',
    table_name VARCHAR(255) NOT NULL,
    key_count NUMBER(19, 0) NOT NULL COMMENT 'Changed keys in the files',
    truncated BOOLEAN NOT NULL,
    whole VARCHAR(64) COMMENT 'Why the keys do not tell all, so that the table is read as a whole',
    files VARCHAR(16777216) COMMENT 'JSON: files of changed keys in the landing bucket',
    error_code VARCHAR(64) COMMENT 'Why the log does not tell the changes of this table',
    error_message VARCHAR(16384),
    error_retryable BOOLEAN,
    error_hint VARCHAR(16384)
)
COMMENT = 'One row per table that changed in a capture';
