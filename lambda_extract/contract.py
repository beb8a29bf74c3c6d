"""The messages between the Snowflake procedures and the Lambda function.

This module is the one owner of their shape. Both sides import it, so it uses the
standard library alone. A message is JSON text; here it is a frozen dataclass.

`encode` turns a message into JSON text, `decode_request` and `decode_reply` turn text
back and refuse, by JSON pointer, every unknown field, wrong type and missing value. The
wire carries structure only: never SQL text, hosts or credentials.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from lambda_extract import contract_codec as codec
from lambda_extract.contract_codec import ContractError

VERSION = 1
# What a digest has for a value of which its side can make no canonical text. Never
# equal to anything, so that such a row is always looked at.
INCOMPARABLE_IN_SOURCE = "!source"
INCOMPARABLE_IN_TARGET = "!target"


# --- values that several messages share -----------------------------------------------


@dataclass(frozen=True)
class CursorValue:
    """A cursor value as PostgreSQL's own text, so that no precision is lost.

    Attributes:
        value: PostgreSQL's text output (DateStyle ISO, TimeZone UTC).
        type: PostgreSQL type name, e.g. "timestamp with time zone".
    """

    value: str
    type: str


@dataclass(frozen=True)
class PendingBound:
    """An integer maximum that is proven once every transaction open at `seen_at` ended.

    Attributes:
        value: The maximum, as text.
        seen_at: PostgreSQL's clock (timestamptz text) when it was seen.
    """

    value: str
    seen_at: str


@dataclass(frozen=True)
class Overlap:
    """Identity of the row versions beyond the watermark that were already delivered.

    Rows after the watermark are read again by the next sync. Where their count and
    digest are what they were, nothing is new and nothing is sent.

    Attributes:
        rows: Number of rows with cursor > watermark.
        digest: Order-independent digest of their (tableoid, ctid, xmin), as text.
    """

    rows: int
    digest: str


@dataclass(frozen=True)
class CursorSpec:
    """How an incremental table is read.

    Attributes:
        column: Cursor column in PostgreSQL.
        margin_seconds: Subtracted from the safe bound (clock skew between sessions).
        lookback_seconds: Time cursors: read this far behind the watermark again.
            Replaces the proof where open transactions cannot be seen. None: not set.
        lookback_values: The same for integer cursors, in cursor units.
        time_zone: Zone in which `timestamp without time zone` values are written.
        null_policy: Rows whose cursor is NULL: "load" with every sync, "ignore",
            "fail".
    """

    column: str
    margin_seconds: float = 5.0
    lookback_seconds: float | None = None
    lookback_values: int | None = None
    time_zone: str = "UTC"
    null_policy: Literal["load", "ignore", "fail"] = "load"


@dataclass(frozen=True)
class ColumnSpec:
    """How one column differs from what its type says.

    Attributes:
        name: PostgreSQL name.
        rename: Name in Snowflake; empty: the PostgreSQL name.
        type: Snowflake type "VARCHAR", "VARCHAR(n)" or "NUMBER(p,s)"; empty: the one
            that belongs to the PostgreSQL type. Values that it cannot hold exactly
            are refused.
        protect: "hash" sends HMAC-SHA-256 (hex) of the value's text, "mask" a constant
            text, in place of the value. NULL stays NULL.
    """

    name: str
    rename: str = ""
    type: str = ""
    protect: Literal["", "hash", "mask"] = ""


@dataclass(frozen=True)
class TableSpec:
    """The table to read.

    Attributes:
        name: Configured name; used in S3 prefixes, logs and application_name.
        source: Configured source; Lambda maps it to a host and credentials.
        schema: PostgreSQL schema.
        relation: PostgreSQL table, partitioned table, view or materialized view.
        key: Key columns; empty means the primary key.
        exclude: Columns that never leave PostgreSQL.
        special_values: What happens to values Snowflake has no place for.
        columns: Columns that are renamed, protected or have another type.
    """

    name: str
    source: str
    schema: str
    relation: str
    key: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    special_values: Literal["null", "fail"] = "null"
    columns: tuple[ColumnSpec, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Sizes of one extraction.

    Attributes:
        chunk_rows: Rows of one window or part, ties not counted.
        file_bytes: Compressed bytes after which a file is cut at the next row boundary.
    """

    chunk_rows: int = 1_000_000
    file_bytes: int = 150_000_000


@dataclass(frozen=True)
class Window:
    """An interval of cursor values: lower < cursor (<= upper).

    Attributes:
        lower: Exclusive lower end; None reads from the start.
        upper: Inclusive upper end; None reads to the end, `chunk_rows` at a time.
        pending_bound: From the ledger, integer cursors only.
        overlap: From the ledger: what was already delivered beyond `lower`.
        first: True for the first window of a run; rows with a NULL cursor travel with
            it.
    """

    lower: CursorValue | None = None
    upper: CursorValue | None = None
    pending_bound: PendingBound | None = None
    overlap: Overlap | None = None
    first: bool = True


@dataclass(frozen=True)
class Partition:
    """One part of a snapshot: a half-open range of key values, lower <= key < upper.

    Attributes:
        part: Name of the part; a component of its S3 prefix.
        columns: Columns that the range compares; empty means the whole table.
        lower: Inclusive lower end, PostgreSQL's text for each column; None: no bound.
        upper: Exclusive upper end; None: no bound.
        estimated_rows: From statistics; -1 where unknown.
    """

    part: str
    columns: tuple[str, ...] = ()
    lower: tuple[str, ...] | None = None
    upper: tuple[str, ...] | None = None
    estimated_rows: int = -1


# --- requests -------------------------------------------------------------------------


@dataclass(frozen=True)
class ExtractRequest:
    """Extract one window of an increment, or one partition of a snapshot.

    Exactly one of (`cursor` and `window`) and `partition` is set. `part` names the S3
    prefix of this extraction inside its run and must be new for every attempt. Where
    `key_hashes` are given, a partition is limited to these keys (see `RowDigest`).
    `load_method` says who loads the files: it decides their folder (contract_paths).
    """

    run_id: str
    table: TableSpec
    part: str
    limits: Limits = field(default_factory=Limits)
    cursor: CursorSpec | None = None
    window: Window | None = None
    partition: Partition | None = None
    key_hashes: tuple[str, ...] = ()
    load_method: Literal["copy", "snowpipe"] = "copy"
    op: Literal["extract"] = "extract"
    version: int = VERSION


@dataclass(frozen=True)
class PlanRequest:
    """Ask for columns, the safe bound and the partitions of a snapshot.

    Where `partition` is given, only its rows are split, by its one column.
    """

    run_id: str
    table: TableSpec
    limits: Limits = field(default_factory=Limits)
    cursor: CursorSpec | None = None
    partition: Partition | None = None
    op: Literal["plan"] = "plan"
    version: int = VERSION


@dataclass(frozen=True)
class KeysRequest:
    """Extract the key columns alone, of one partition; answered by an `ExtractReply`.

    An anti-join against the target finds the rows that are gone.
    """

    run_id: str
    table: TableSpec
    part: str
    partition: Partition
    limits: Limits = field(default_factory=Limits)
    op: Literal["keys"] = "keys"
    version: int = VERSION


@dataclass(frozen=True)
class DigestRequest:
    """Ask for digests of the rows of one partition, without moving them.

    Rows are put into buckets by the first hex digits of the MD5 of their key's
    canonical text, which both sides compute alike (see lambda_extract/canonical.py).

    Attributes:
        columns: What a row's digest covers, in this order.
        key: What its key consists of, in this order.
        deleted_column: Rows that it calls deleted are left out; empty: none.
        step: "newest": no digest, but the largest cursor; "buckets": one digest per
            bucket; "rows": one per row; "detail": the key and one digest per column,
            too.
        depth: Hex digits of a bucket's name; 0: one bucket.
        within: Only keys whose MD5 begins with one of these; all of one length.
        cursor: Where `newest` is asked for, or `upto` given.
        upto: Rows whose cursor is beyond are left out of "buckets" and "rows"; the
            reply names their keys. A row without a cursor is not.
    """

    run_id: str
    table: TableSpec
    partition: Partition
    columns: tuple[str, ...]
    key: tuple[str, ...]
    deleted_column: str = ""
    step: Literal["newest", "buckets", "rows", "detail"] = "buckets"
    depth: int = 0
    within: tuple[str, ...] = ()
    cursor: CursorSpec | None = None
    upto: CursorValue | None = None
    op: Literal["digest"] = "digest"
    version: int = VERSION


@dataclass(frozen=True)
class HealthRequest:
    """Ask whether credentials, PostgreSQL and S3 can be reached."""

    run_id: str
    source: str
    op: Literal["health"] = "health"
    version: int = VERSION


Request = ExtractRequest | PlanRequest | KeysRequest | DigestRequest | HealthRequest

# --- replies --------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of the wire, in file order.

    Attributes:
        name: PostgreSQL name; for a filler the name Snowflake stages it under.
        type: PostgreSQL's format_type() text.
        snowflake_type: Type of the target column, with lengths.
        nullable: False where PostgreSQL declares NOT NULL.
        attnum: PostgreSQL attribute number; tells a rename from drop and add. 0: none.
        role: "source", or "filler": a constant beside a single column, because
            Snowflake cannot tell a NULL alone in its line from a blank line.
        target_name: Configured name in Snowflake; empty: the PostgreSQL name.
        protection: "mask", or "hash:" and a fingerprint of the key; empty: the value
            itself travels.
    """

    name: str
    type: str
    snowflake_type: str
    nullable: bool = True
    attnum: int = 0
    role: Literal["source", "filler"] = "source"
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
    """

    path: str
    rows: int
    bytes: int
    sha256: str


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
class Bound:
    """How far the watermark may move, and what holds it back.

    Attributes:
        watermark: Proven: every row at or below it was delivered. None: nothing proven
            yet, the next sync reads from the start.
        pending_bound: Integer cursors: becomes the watermark once proven.
        held_back: True where rows beyond `watermark` were delivered too.
        oldest_transaction: Start (timestamptz text) of the oldest open transaction
            where that is what holds the watermark back.
        overlap: Identity of the delivered row versions beyond `watermark`.
    """

    watermark: CursorValue | None = None
    pending_bound: PendingBound | None = None
    held_back: bool = False
    oldest_transaction: str | None = None
    overlap: Overlap | None = None


@dataclass(frozen=True)
class ExtractReply:
    """The manifest of one extraction.

    Attributes:
        extracted_at: PostgreSQL's clock just before the data snapshot (timestamptz
            text).
        rows: Server's COPY count; the sum over `files`.
        bound: Incremental windows only.
        position: Where the next window of this run starts (cursor of the last row of a
            bounded window); None for a partition or where nothing was read.
        complete: False where the next window has rows to read.
        unchanged: True where the rows beyond the watermark are exactly those that
            were delivered before, so that nothing was written.
        null_cursor_rows: Rows whose cursor is NULL (-1: not counted).
        relation_id: pg_class.oid. Attribute numbers mean the same thing only within it.
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
    ok: Literal[True] = True
    op: Literal["extract", "keys"] = "extract"
    version: int = VERSION


@dataclass(frozen=True)
class PlanReply:
    """Columns, safe bound and partitions of a snapshot.

    `bound.watermark` was taken before any partition is read: increments start there.
    `relation_id` is that of an `ExtractReply`.
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
        newest: Largest cursor of the table; None where there is none.
        complete: False where there are more rows than one reply holds.
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
    """Seconds that each dependency took to answer, and the server's version."""

    run_id: str
    server_version: str
    credentials_seconds: float
    postgres_seconds: float
    landing_seconds: float
    ok: Literal[True] = True
    op: Literal["health"] = "health"
    version: int = VERSION


@dataclass(frozen=True)
class ErrorDetail:
    """What went wrong, for a person and for the procedure.

    Attributes:
        code: Stable name, see docs/RUNBOOK.md.
        message: What happened; never a row value or a secret.
        retryable: True where the same request may succeed later.
        hint: What to do.
    """

    code: str
    message: str
    retryable: bool
    hint: str


@dataclass(frozen=True)
class ErrorReply:
    """A refusal or failure; inside HTTP 200, because Snowflake retries every 5xx."""

    run_id: str
    error: ErrorDetail
    ok: Literal[False] = False
    op: str = ""
    version: int = VERSION


Reply = ExtractReply | PlanReply | DigestReply | HealthReply | ErrorReply

REQUESTS: dict[str, type] = {
    "extract": ExtractRequest,
    "plan": PlanRequest,
    "keys": KeysRequest,
    "digest": DigestRequest,
    "health": HealthRequest,
}
REPLIES: dict[str, type] = {
    "extract": ExtractReply,
    "plan": PlanReply,
    "keys": ExtractReply,
    "digest": DigestReply,
    "health": HealthReply,
}


# --- text <-> message -----------------------------------------------------------------


def encode(message: Request | Reply) -> str:
    """Returns the message as compact JSON text (non-ASCII characters escaped)."""
    return json.dumps(to_object(message), separators=(",", ":"))


def to_object(message: Any) -> dict[str, Any]:
    """Returns the message as plain dictionaries and lists."""
    return dataclasses.asdict(message)


def decode_request(text: str | dict[str, Any]) -> Request:
    """Parses a request from JSON text or an already parsed object.

    Raises:
        ContractError: Not JSON, another version, unknown operation or field, wrong
            type.
    """
    data = codec.parse_object(text)
    _check_version(data)
    request: Request = codec.build(_choose(data, REQUESTS), data, "")
    if isinstance(request, ExtractRequest):
        _check_extract(request)
    return request


def decode_reply(text: str | dict[str, Any]) -> Reply:
    """Parses a reply from JSON text or an already parsed object.

    Raises:
        ContractError: Not JSON, another version, unknown operation or field, wrong
            type.
    """
    data = codec.parse_object(text)
    _check_version(data)
    if data.get("ok") is False:
        reply: Reply = codec.build(ErrorReply, data, "")
        return reply
    return codec.build(_choose(data, REPLIES), data, "")


def _check_version(data: dict[str, Any]) -> None:
    version = data.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ContractError(
            "/version", f"this side speaks version {VERSION}", unsupported_version=True
        )


def _choose(data: dict[str, Any], kinds: dict[str, type]) -> type:
    op = data.get("op")
    if not isinstance(op, str) or op not in kinds:
        raise ContractError("/op", f"must be one of {', '.join(sorted(kinds))}")
    return kinds[op]


def _check_extract(request: ExtractRequest) -> None:
    windowed = request.cursor is not None and request.window is not None
    if windowed == (request.partition is not None):
        raise ContractError(
            "", "an extract names either cursor and window, or a partition"
        )
    if request.key_hashes and windowed:
        raise ContractError("/key_hashes", "limits a partition, not a window")
