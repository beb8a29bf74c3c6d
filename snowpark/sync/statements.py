"""PURE: the SQL texts of snapshots' parts and of compared keys."""

from dataclasses import dataclass

from snowpark.columns import canonical, keys
from snowpark.load.statements import Batch
from snowpark.names import DELETED_AT, IS_CURRENT, RUN_ID
from snowpark.sql import Statement, quote


@dataclass(frozen=True)
class SnapshotPart:
    """One row of SYNC_PARTS.

    Attributes:
        snapshot_id: Run that planned the snapshot.
        part: Name of a part, "#plan" or "#closed".
        identity: Digest of configuration and watermark version.
        message: JSON text of the plan, or of the part's manifest.
    """

    snapshot_id: str
    part: str
    identity: str
    message: str | None = None


def read_open_parts(table: str, identity: str, since_hours: int) -> Statement:
    """Reads the plans and finished parts of snapshots that were not closed.

    Args:
        identity: Only snapshots of this configuration and watermark version go on.
    """
    return Statement(
        """\
SELECT
    p.snapshot_id,
    p.part,
    p.message
FROM control.sync_parts AS p
WHERE
    p.table_name = ?
    AND p.identity_sha256 = ?
    AND p.recorded_at > DATEADD('hour', ?, CURRENT_TIMESTAMP())
    AND NOT EXISTS (
        SELECT 1
        FROM control.sync_parts AS c
        WHERE
            c.table_name = p.table_name
            AND c.snapshot_id = p.snapshot_id
            AND c.part = '#closed'
    )
ORDER BY p.recorded_at""",
        (table, identity, -since_hours),
    )


def insert_part(table: str, run_id: str, part: SnapshotPart) -> Statement:
    """Appends one finished part (or the plan, or the end) of a snapshot."""
    return Statement(
        """\
INSERT INTO control.sync_parts (
    table_name, run_id, snapshot_id, part, identity_sha256, message, recorded_at
)
SELECT ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP()""",
        (table, run_id, part.snapshot_id, part.part, part.identity, part.message),
    )


def count_gone(batch: Batch) -> Statement:
    """Counts target rows that are alive, and those of them without a staged key."""
    found = keys.alias("IN_SOURCE", batch.key)
    return Statement(f"""\
SELECT
    COUNT(*) AS alive,
    COUNT(*) - COUNT(source.{found}) AS gone
FROM {_target_and_keys(batch)}
WHERE {_flag("target", "IS NULL", batch)}""")


def shared_keys(batch: Batch) -> Statement:
    """Counts staged rows whose key another staged row has, too."""
    forms = ", ".join(keys.staged(batch.key))
    count = keys.alias("ROW_COUNT", batch.columns)
    return Statement(f"""\
SELECT COALESCE(SUM(shared.{count}), 0) AS row_count
FROM (
    SELECT COUNT(*) AS {count}
    FROM {batch.staging}
    GROUP BY {forms}
    HAVING COUNT(*) > 1
) AS shared""")


def missing_keys(batch: Batch, most: int) -> Statement:
    """Reads the hashes of staged keys without a target row that is alive.

    The hash is that of `contract.RowDigest`, by which the source finds the row again.
    """
    own = keys.alias("_SYNC_KEY_HASH", batch.key)
    found = keys.alias("IN_TARGET", batch.key)
    names = ", ".join(quote(c.name) for c in batch.key)
    return Statement(f"""\
SELECT DISTINCT source.{own}
FROM (
    SELECT
        {names},
        {canonical.key_hash(batch.key)} AS {own}
    FROM (SELECT {", ".join(keys.named(batch.key))} FROM {batch.staging}) AS staged
) AS source
LEFT JOIN (
    SELECT
        {names},
        TRUE AS {found}
    FROM {batch.target} AS target
    WHERE {_flag("target", "IS NULL", batch)}
) AS target ON {" AND ".join(keys.equal(c) for c in batch.key)}
WHERE target.{found} IS NULL
LIMIT {most}""")


def flag_gone(batch: Batch) -> Statement:
    """Flags target rows without a staged key as deleted."""
    staged = keys.alias("IN_SOURCE", batch.key)
    found = f"source.{staged} IS NULL AND {_flag('target', 'IS NULL', batch)}"
    return Statement(
        f"""\
{_merge_found(batch, found)}
WHEN MATCHED THEN UPDATE SET
    {quote(DELETED_AT)} = TO_TIMESTAMP_TZ(?),
    {quote(RUN_ID)} = ?""",
        (batch.extracted_at, batch.run_id),
    )


def revive(batch: Batch) -> Statement:
    """Takes the flag from target rows whose key is in the source again."""
    staged = keys.alias("IN_SOURCE", batch.key)
    found = f"source.{staged} AND {_flag('target', 'IS NOT NULL', batch)}"
    return Statement(
        f"""\
{_merge_found(batch, found)}
WHEN MATCHED THEN UPDATE SET
    {quote(DELETED_AT)} = NULL,
    {quote(RUN_ID)} = ?""",
        (batch.run_id,),
    )


def remove_gone(batch: Batch) -> Statement:
    """Removes target rows without a staged key."""
    found = f"source.{keys.alias('IN_SOURCE', batch.key)} IS NULL"
    return Statement(f"""\
{_merge_found(batch, found)}
WHEN MATCHED THEN DELETE""")


def _merge_found(batch: Batch, found: str) -> str:
    # A MERGE, because UPDATE and DELETE document no alias for their own table.
    names = ", ".join(f"target.{quote(c.name)}" for c in batch.key)
    return f"""\
MERGE INTO {batch.target} AS target
USING (
    SELECT {names}
    FROM {_target_and_keys(batch)}
    WHERE {found}
) AS source
ON {" AND ".join(keys.equal(c) for c in batch.key)}"""


def _target_and_keys(batch: Batch) -> str:
    names = ", ".join(keys.named(batch.key))
    return f"""\
{batch.target} AS target
LEFT JOIN (
    SELECT DISTINCT
        {names},
        TRUE AS {keys.alias("IN_SOURCE", batch.key)}
    FROM {batch.staging}
) AS source ON {" AND ".join(keys.equal(c) for c in batch.key)}"""


def _flag(table: str, state: str, batch: Batch) -> str:
    if batch.history is not None:
        return f"{table}.{quote(IS_CURRENT)}"
    return f"{table}.{quote(DELETED_AT)} {state}" if batch.soft_deletes else "TRUE"
