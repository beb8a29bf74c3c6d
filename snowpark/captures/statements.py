"""PURE: the SQL texts around captures of a log, see tests/golden/captures."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence

from lambda_extract.contract import CaptureReply
from snowpark.sql import Statement, value_rows

_TABLES_PER_INSERT = 500


def read_log_tables() -> Statement:
    """Reads the settings of tables that may be in mode log."""
    return Statement("""\
SELECT settings
FROM control.sync_current_tables
WHERE settings LIKE '%"mode": "log"%'
ORDER BY table_name""")


def insert_capture_lease(lease: str) -> Statement:
    """Gives a source the row that the lease of its captures lives in."""
    return Statement(
        """\
INSERT INTO control.sync_leases (table_name)
SELECT ?
WHERE NOT EXISTS (SELECT 1 FROM control.sync_leases AS l WHERE l.table_name = ?)""",
        (lease, lease),
    )


def read_latest_capture(source: str) -> Statement:
    """Reads the latest link of a source's chain, and when its latest gap was."""
    return Statement(
        """\
SELECT
    c.version,
    c.kind,
    c.reason,
    c.to_lsn,
    c.server,
    c.run_id,
    MIN(c.version) OVER (PARTITION BY c.source_name) AS oldest,
    CURRENT_TRANSACTION() AS open_transaction
FROM control.sync_captures AS c
WHERE c.source_name = ?
QUALIFY ROW_NUMBER() OVER (ORDER BY c.version DESC) = 1""",
        (source,),
    )


def insert_capture(
    source: str, version: int, run_id: str, reply: CaptureReply, tables: Sequence[str]
) -> Statement:
    """Appends a capture, if the one before it is still the latest.

    Args:
        tables: What it was asked for: of all others it tells nothing.
    """
    slot = reply.slot
    return Statement(
        """\
INSERT INTO control.sync_captures (
    source_name, version, run_id, kind, from_lsn, to_lsn, server, complete,
    commits, changes, retained_bytes, restart_lsn, wal_status, catalog_xmin_age,
    oldest_transaction, extract_seconds, captured_at, table_names, recorded_at
)
SELECT
    ?, ?, ?, 'capture', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP()
WHERE (
    SELECT COALESCE(MAX(version), 0)
    FROM control.sync_captures
    WHERE source_name = ?
) = ?""",
        (
            *(source, version, run_id, reply.from_lsn, reply.to_lsn, reply.server),
            *(reply.complete, reply.commits, reply.changes, slot.retained_bytes),
            *(slot.restart_lsn, slot.wal_status, slot.catalog_xmin_age),
            *(slot.oldest_transaction, round(reply.seconds, 3), reply.captured_at),
            *(json.dumps(sorted(tables)), source, version - 1),
        ),
    )


def insert_gap(source: str, version: int, run_id: str, reason: str) -> Statement:
    """Appends that the chain is broken here, if what comes before is the latest."""
    return Statement(
        """\
INSERT INTO control.sync_captures (
    source_name, version, run_id, kind, reason, recorded_at
)
SELECT ?, ?, ?, 'gap', ?, CURRENT_TIMESTAMP()
WHERE (
    SELECT COALESCE(MAX(version), 0)
    FROM control.sync_captures
    WHERE source_name = ?
) = ?""",
        (source, version, run_id, reason, source, version - 1),
    )


def insert_capture_tables(
    source: str, version: int, reply: CaptureReply
) -> Iterator[Statement]:
    """Appends what a capture says of each table, some hundred at a time."""
    rows = []
    for table in reply.tables:
        files = [dataclasses.asdict(file) for file in table.files]
        refused = table.refused
        rows.append(
            (
                *(source, version, table.name, table.keys, table.truncated),
                *(table.whole or None, json.dumps(files)),
                refused.code if refused else None,
                refused.message[:16000] if refused else None,
                refused.retryable if refused else None,
                refused.hint[:16000] if refused else None,
            )
        )
    types = ["VARCHAR", "NUMBER", "VARCHAR", "NUMBER", "BOOLEAN"] + ["VARCHAR"] * 4
    types += ["BOOLEAN", "VARCHAR"]
    for values in value_rows(types, rows, most_rows=_TABLES_PER_INSERT):
        yield Statement(
            f"""\
INSERT INTO control.sync_capture_tables (
    source_name, version, table_name, key_count, truncated, whole, files,
    error_code, error_message, error_retryable, error_hint
)
SELECT
    column1, column2, column3, column4, column5, column6, column7,
    column8, column9, column10, column11
FROM {values.text}""",
            values.params,
        )


def read_pending(
    source: str, after: Mapping[str, int], upto: int
) -> Iterator[Statement]:
    """Reads what captures say of tables, and gaps, behind a version of each.

    A capture that was not asked for a table says that, too: by one run the table was
    configured already, by another one not yet, or it was taken out for a while.

    Args:
        after: Tables, and the version of each.
    """
    rows = [(name, version, json.dumps(name)) for name, version in after.items()]
    types = ["VARCHAR", "NUMBER", "VARCHAR"]
    for values in value_rows(types, rows, most_rows=_TABLES_PER_INSERT):
        yield Statement(
            f"""\
SELECT
    w.column1 AS table_name,
    c.version,
    c.kind,
    c.to_lsn,
    NOT CONTAINS(c.table_names, w.column3) AS missed,
    t.key_count,
    t.truncated,
    t.whole,
    t.files,
    t.error_code,
    t.error_message,
    t.error_retryable,
    t.error_hint
FROM {values.text}
    AS w
INNER JOIN control.sync_captures AS c ON w.column2 < c.version
LEFT JOIN control.sync_capture_tables AS t
    ON
        c.source_name = t.source_name
        AND c.version = t.version
        AND w.column1 = t.table_name
WHERE
    c.source_name = ?
    AND c.version <= ?
    AND (
        c.kind = 'gap'
        OR t.table_name IS NOT NULL
        OR NOT CONTAINS(c.table_names, w.column3)
    )
ORDER BY c.version""",
            (*values.params, source, upto),
        )
