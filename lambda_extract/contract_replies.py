"""PURE: the replies of the contract; see `contract`."""

import re
from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract_values import (
    VERSION,
    CursorValue,
    LogIdentity,
    LogSpec,
    Overlap,
    Partition,
    PendingBound,
    SourceIdentity,
)

# What `Column.snowflake_type` may be.
SNOWFLAKE_TYPE = re.compile(
    r"(VARCHAR|BINARY)(\([1-9][0-9]{0,8}\))?"
    r"|NUMBER\([1-9][0-9]?,(0|[1-9][0-9]?)\)"
    r"|(TIME|TIMESTAMP_NTZ|TIMESTAMP_TZ)\([0-9]\)"
    r"|BOOLEAN|DATE|FLOAT|DECFLOAT|VARIANT|ARRAY|OBJECT"
)


@dataclass(frozen=True)
class Column:
    """A column of the wire, in file order.

    Attributes:
        name: PostgreSQL name; for a filler the name Snowflake stages it under.
        type: PostgreSQL's format_type() text.
        snowflake_type: Type of the target column, with lengths.
        nullable: False if PostgreSQL declares NOT NULL.
        attnum: PostgreSQL attribute number; tells a rename from drop and add. 0: none.
        role: "source"; "filler": a constant beside a single column, because Snowflake
            cannot tell a NULL alone in its line from a blank line; or "gone": true if
            the source has no row of the key, whose other columns are NULL then.
        target_name: Configured name in Snowflake; empty: the PostgreSQL name.
        protection: "mask", or "hash:" and a fingerprint of the key; empty: the value
            itself travels.
    """

    name: str
    type: str
    snowflake_type: str
    nullable: bool = True
    attnum: int = 0
    role: Literal["source", "filler", "gone"] = "source"
    target_name: str = ""
    protection: str = ""


@dataclass(frozen=True)
class File:
    """One file of a manifest.

    Attributes:
        path: S3 key relative to the landing prefix.
        rows: Rows in the file.
        bytes: Compressed size.
        sha256: Hex digest of the compressed bytes.
        etag: What S3 called the object when the worker wrote it; empty: not told.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    etag: str = ""


@dataclass(frozen=True)
class AlteredValue:
    """Values of one column that became NULL because Snowflake cannot hold them.

    Attributes:
        column: PostgreSQL column.
        rows: Number of replaced values.
        sample_keys: Up to ten keys (JSON text of the key object).
    """

    column: str
    rows: int
    sample_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Warning:
    """Something a person should know; the sync went on."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class ErrorDetail:
    """What went wrong, for a person and for the procedure.

    Attributes:
        code: Stable name, see docs/RUNBOOK.md.
        message: What happened; never a row value or a secret.
        retryable: True if the same request may succeed later.
        hint: What to do.
    """

    code: str
    message: str
    retryable: bool
    hint: str


@dataclass(frozen=True)
class Bound:
    """How far the watermark may move, and what holds it back.

    Attributes:
        watermark: Proven: every row at or below it was delivered. None: nothing proven
            yet, the next sync reads from the start.
        pending_bound: Integer cursors: becomes the watermark once proven.
        held_back: True if rows beyond `watermark` were delivered too.
        oldest_transaction: Start (timestamptz text) of the oldest open transaction
            if that is what holds the watermark back.
        overlap: Identity of the delivered row versions beyond `watermark`.
    """

    watermark: CursorValue | None = None
    pending_bound: PendingBound | None = None
    held_back: bool = False
    oldest_transaction: str | None = None
    overlap: Overlap | None = None


@dataclass(frozen=True)
class ColumnComment:
    """The comment of a column that has one."""

    name: str
    text: str


@dataclass(frozen=True)
class Described:
    """What the source's catalog tells people about a table.

    Attributes:
        comment: Of the table; empty: there is none.
        columns: Of columns that are read, in their order.
        key_enforced: PostgreSQL lets no two of the rows read have one key, none of
            whose columns is NULL.
    """

    comment: str = ""
    columns: tuple[ColumnComment, ...] = ()
    key_enforced: bool = False


@dataclass(frozen=True)
class LogBound:
    """What an extraction of changed keys, or a plan, says of a table in mode "log".

    Attributes:
        identity: What the table was in the snapshot.
        moved: Why the keys do not tell all that changed, so that the table has to be
            read as a whole; nothing was written then. Empty: they do.
        compare: Rows may be gone that no key tells: all keys are to be compared before
            `identity` may be remembered.
        leaves: Partitions that were read as a whole beside the keys.
        version: Latest capture of the ledger when a plan had settled; Snowflake's side
            notes it here.
    """

    identity: LogIdentity
    moved: str = ""
    compare: bool = False
    leaves: int = 0
    version: int = 0


@dataclass(frozen=True)
class ChangeSet:
    """The rows of changed keys, as they are now; keys without a row are told, too.

    Attributes:
        log: Of the source.
        files: Files of keys, of captures that the ledger has.
        known: What the table was when its rows were read last.
        truncated: The log says why storage is new: the table was emptied.
        whole_percent: If more of the table's rows than this have changed, the reply
            says so instead of reading them by their keys; 0: however many.
        more_keys: Changed keys that later windows read.
    """

    log: LogSpec
    files: tuple[File, ...]
    known: LogIdentity
    truncated: bool = False
    whole_percent: int = 0
    more_keys: int = 0


@dataclass(frozen=True)
class ExtractReply:
    """The manifest of one extraction.

    Attributes:
        extracted_at: PostgreSQL's clock just before the data snapshot (timestamptz
            text).
        rows: Server's COPY count; the sum over `files`.
        bound: Incremental windows only.
        position: Where the next window of this run starts (cursor of the last row of a
            bounded window); None for a partition or if nothing was read.
        complete: False if the next window has rows to read.
        unchanged: True if the rows beyond the watermark are exactly those that
            were delivered before, so that nothing was written.
        null_cursor_rows: Rows whose cursor is NULL (-1: not counted).
        relation_id: pg_class.oid. Attribute numbers mean the same thing only within it.
        end: If another window follows a run's first: the largest cursor of this
            snapshot. The run reads up to it, and what comes later is the next run's.
        identity: Windows only: what the source was.
        source_changed: Why rows behind the watermark may be others than those that
            were delivered; nothing was written then. Empty: no sign of it.
        shared_keys: Rows that share their key with a row of these, where PostgreSQL
            does not prevent it. Not counted for the parts of a snapshot.
        log: Changed keys only.
        described: None: an older function, or keys alone.
    """

    run_id: str
    part: str
    extracted_at: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    files: tuple[File, ...]
    rows: int
    bytes: int
    bound: Bound | None = None
    position: CursorValue | None = None
    complete: bool = True
    unchanged: bool = False
    null_cursor_rows: int = -1
    altered: tuple[AlteredValue, ...] = ()
    warnings: tuple[Warning, ...] = ()
    seconds: float = 0.0
    relation_id: int = 0
    end: CursorValue | None = None
    identity: SourceIdentity | None = None
    source_changed: str = ""
    shared_keys: int = 0
    log: LogBound | None = None
    described: Described | None = None
    ok: Literal[True] = True
    op: Literal["extract", "keys"] = "extract"
    version: int = VERSION


@dataclass(frozen=True)
class PlanReply:
    """Columns, safe bound and partitions of a snapshot.

    `bound.watermark` was taken before any partition is read: increments start there.
    `relation_id` and `identity` are those of an `ExtractReply`. `key_enforced`
    says that PostgreSQL lets no two of the rows read have one key. `log` is there if
    the request had a LogSpec: from now on, each change that a later snapshot does not
    see is in the log behind what was captured before this reply.
    """

    run_id: str
    planned_at: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitions: tuple[Partition, ...]
    estimated_rows: int
    estimated_bytes: int
    bound: Bound | None = None
    warnings: tuple[Warning, ...] = ()
    relation_id: int = 0
    identity: SourceIdentity | None = None
    key_enforced: bool = False
    log: LogBound | None = None
    described: Described | None = None
    ok: Literal[True] = True
    op: Literal["plan"] = "plan"
    version: int = VERSION


@dataclass(frozen=True)
class Bucket:
    """Count and order-independent digest of the rows of one bucket.

    Attributes:
        name: First hex digits of the MD5 of their keys.
        low: Sum of the first 48 bits of the rows' MD5, decimal text.
        high: Sum of the next 48 bits, decimal text.
    """

    name: str
    rows: int
    low: str
    high: str


@dataclass(frozen=True)
class RowDigest:
    """One row.

    Attributes:
        key_hash: MD5 (hex) of the key's canonical text.
        row_hash: MD5 (hex) over key and columns.
        key: Texts of the key's columns; detail only.
        columns: 8 hex digits for each column, one after the other; detail only.
    """

    key_hash: str
    row_hash: str
    key: tuple[str | None, ...] = ()
    columns: str = ""


@dataclass(frozen=True)
class DigestReply:
    """Digests of one partition.

    Attributes:
        columns: Of the request, as an extraction would describe them.
        beyond: First 16 hex digits of the MD5 of each key that was left out because of
            its cursor, in the snapshot of the digests; deleted rows too.
        newest: Largest cursor of the table; None if there is none.
        complete: False if there are more rows than one reply holds.
    """

    run_id: str
    columns: tuple[Column, ...]
    buckets: tuple[Bucket, ...] = ()
    digests: tuple[RowDigest, ...] = ()
    beyond: tuple[str, ...] = ()
    newest: CursorValue | None = None
    complete: bool = True
    seconds: float = 0.0
    ok: Literal[True] = True
    op: Literal["digest"] = "digest"
    version: int = VERSION


@dataclass(frozen=True)
class HealthReply:
    """Seconds that each dependency took to answer, and the server's version.

    `release` is that of the Lambda function; one that is older does not tell it.
    """

    run_id: str
    server_version: str
    credentials_seconds: float
    postgres_seconds: float
    landing_seconds: float
    release: str = ""
    ok: Literal[True] = True
    op: Literal["health"] = "health"
    version: int = VERSION


@dataclass(frozen=True)
class Finding:
    """What one look at a source or a table has found.

    Attributes:
        check: What was looked at.
        state: "warning": syncs run, but a person should know.
        detail: What was seen; never a row value or a secret.
        hint: What to do; empty if there is nothing to do.
        table: Configured name; empty: the source itself.
    """

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""
    table: str = ""


@dataclass(frozen=True)
class CheckReply:
    """Findings, those of the source first; `release` is that of the Lambda function."""

    run_id: str
    release: str
    findings: tuple[Finding, ...]
    ok: Literal[True] = True
    op: Literal["check"] = "check"
    version: int = VERSION


@dataclass(frozen=True)
class ErrorReply:
    """A refusal or failure; inside HTTP 200, because Snowflake retries every 5xx."""

    run_id: str
    error: ErrorDetail
    ok: Literal[False] = False
    op: str = ""
    version: int = VERSION


@dataclass(frozen=True)
class SlotState:
    """A replication slot, and what it holds back.

    Attributes:
        confirmed_lsn: What is behind it will not come again.
        restart_lsn: From there on the server keeps its WAL.
        flush_lsn: The end of the WAL on the server's disk.
        retained_bytes: Of WAL, kept for the slot.
        wal_status: As pg_replication_slots has it; "lost": the slot is useless.
        safe_wal_bytes: What may be written before it is lost; -1: no limit.
        catalog_xmin_age: Transactions for which old rows of the catalog are kept.
        oldest_transaction: Start of the oldest open transaction, if it can be seen.
    """

    confirmed_lsn: str
    restart_lsn: str
    flush_lsn: str
    retained_bytes: int
    wal_status: str
    safe_wal_bytes: int = -1
    catalog_xmin_age: int = 0
    oldest_transaction: str | None = None


@dataclass(frozen=True)
class TableChanges:
    """What a capture says of one table.

    Attributes:
        keys: In the files; a key may be there more than once.
        truncated: The table, or a partition, was emptied.
        whole: Why it has to be read as a whole: too_many_changes, key_not_in_log,
            skipped. Empty: the keys tell all.
        refused: The table cannot be read from the log; the others can.
    """

    name: str
    keys: int = 0
    files: tuple[File, ...] = ()
    truncated: bool = False
    whole: str = ""
    refused: ErrorDetail | None = None


@dataclass(frozen=True)
class CaptureReply:
    """All keys that changed in [from_lsn, to_lsn): one link of the chain of captures.

    The slot is not moved by it: the next capture confirms what Snowflake has recorded.
    Each commit that it tells of is visible to every snapshot taken after it.

    Attributes:
        complete: False if the log goes on behind `to_lsn`.
        server: System identifier and timeline; empty: may not be read.
        tables: Those that changed or are refused.
        commits: Transactions with changes.
        changes: Changes of the wanted tables.
    """

    run_id: str
    part: str
    from_lsn: str
    to_lsn: str
    complete: bool
    captured_at: str
    server: str
    slot: SlotState
    tables: tuple[TableChanges, ...] = ()
    commits: int = 0
    changes: int = 0
    seconds: float = 0.0
    warnings: tuple[Warning, ...] = ()
    ok: Literal[True] = True
    op: Literal["capture"] = "capture"
    version: int = VERSION


@dataclass(frozen=True)
class DropSlotReply:
    """The slot is gone; `existed` says whether it was there."""

    run_id: str
    existed: bool
    ok: Literal[True] = True
    op: Literal["drop_slot"] = "drop_slot"
    version: int = VERSION
