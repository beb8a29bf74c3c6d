"""The messages between the Snowflake procedures and the Lambda function.

This module and its siblings are the one owner of their shape: the requests stand here,
the replies in `contract_replies`, what they share in `contract_values`; both sides
import all of it from here. They use the standard library alone. A message is JSON text;
here it is a frozen dataclass.

`encode` turns a message into JSON text, `decode_request` and `decode_reply` turn text
back and refuse, by JSON pointer, every unknown field, wrong type and missing value. The
wire carries structure only: never SQL text, hosts or credentials.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from lambda_extract import contract_codec
from lambda_extract.contract_codec import ContractError
from lambda_extract.contract_group import (
    GROUP_PARTS,
    GroupPart,
    GroupReply,
    GroupRequest,
    KnownColumns,
    PartReply,
)
from lambda_extract.contract_discovery import (
    DiscoverReply,
    DiscoverRequest,
    FoundColumn,
    FoundTable,
)
from lambda_extract.contract_paths import LoadMethod, Place
from lambda_extract.contract_replies import (
    ChangeSet,
    SNOWFLAKE_TYPE,
    AlteredValue,
    Bound,
    Bucket,
    CaptureReply,
    CheckReply,
    Column,
    ColumnComment,
    Described,
    DigestReply,
    DropSlotReply,
    ErrorDetail,
    ErrorReply,
    ExtractReply,
    File,
    Finding,
    HealthReply,
    LogBound,
    PlanReply,
    RowDigest,
    SlotState,
    TableChanges,
    Warning,
)
from lambda_extract.contract_values import (
    INCOMPARABLE_IN_SOURCE,
    INCOMPARABLE_IN_TARGET,
    RELEASE,
    VERSION,
    ColumnSpec,
    CursorSpec,
    CursorValue,
    FilterTerm,
    Limits,
    LogIdentity,
    LogLeaf,
    LogSpec,
    Member,
    Overlap,
    Partition,
    PendingBound,
    SourceIdentity,
    TableSpec,
    Window,
)

__all__ = [
    "RELEASE",
    "VERSION",
    "INCOMPARABLE_IN_SOURCE",
    "INCOMPARABLE_IN_TARGET",
    "AlteredValue",
    "Bound",
    "Bucket",
    "CaptureLimits",
    "CaptureReply",
    "CaptureRequest",
    "CaptureTable",
    "ChangeSet",
    "CheckReply",
    "CheckRequest",
    "CHECKED_TABLES",
    "CheckTable",
    "Column",
    "ColumnComment",
    "Described",
    "ColumnSpec",
    "CursorSpec",
    "CursorValue",
    "DigestReply",
    "DigestRequest",
    "DiscoverReply",
    "DiscoverRequest",
    "DropSlotReply",
    "DropSlotRequest",
    "ErrorDetail",
    "ErrorReply",
    "ExtractReply",
    "ExtractRequest",
    "File",
    "Finding",
    "FilterTerm",
    "GROUP_PARTS",
    "GroupPart",
    "GroupReply",
    "GroupRequest",
    "FoundColumn",
    "FoundTable",
    "HealthReply",
    "HealthRequest",
    "KeysRequest",
    "KnownColumns",
    "Limits",
    "LogBound",
    "LogIdentity",
    "LogLeaf",
    "LogSpec",
    "Member",
    "Overlap",
    "PartReply",
    "Partition",
    "PendingBound",
    "PlanReply",
    "PlanRequest",
    "RowDigest",
    "SlotState",
    "SourceIdentity",
    "TableChanges",
    "TableSpec",
    "Warning",
    "Window",
    "Request",
    "Reply",
    "REQUESTS",
    "REPLIES",
    "ContractError",
    "encode",
    "place_of",
    "to_object",
    "decode_request",
    "decode_reply",
    "release",
]

# --- requests -------------------------------------------------------------------------


@dataclass(frozen=True)
class ExtractRequest:
    """Extract a window of an increment, a part of a snapshot, or changed keys.

    Exactly one of (`cursor` and `window`), `partition` and `changes` is set. `part`
    names the S3 prefix of this extraction inside its run and must be new for every
    attempt. If `key_hashes` are given, a partition is limited to these keys (see
    `RowDigest`). `load_method` says who loads the files: it decides their folder
    (contract_paths).
    """

    run_id: str
    table: TableSpec
    part: str
    limits: Limits = field(default_factory=Limits)
    cursor: CursorSpec | None = None
    window: Window | None = None
    partition: Partition | None = None
    key_hashes: tuple[str, ...] = ()
    load_method: LoadMethod = "copy"
    changes: ChangeSet | None = None
    op: Literal["extract"] = "extract"
    version: int = VERSION


@dataclass(frozen=True)
class PlanRequest:
    """Ask for columns, the safe bound and the partitions of a snapshot.

    If `partition` is given, only its rows are split, by its one column.

    Attributes:
        one_moment: One part, in one snapshot, if a worker can read the table in its
            time: nothing follows that would bring the parts of several moments
            together.
        log: The table is in mode "log": wait until each transaction has ended that the
            log may not have.
    """

    run_id: str
    table: TableSpec
    limits: Limits = field(default_factory=Limits)
    cursor: CursorSpec | None = None
    partition: Partition | None = None
    one_moment: bool = False
    log: LogSpec | None = None
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
    canonical text, which both sides compute alike (see
    lambda_extract/rows/canonical.py).

    Attributes:
        columns: What a row's digest covers, in this order.
        key: What its key consists of, in this order.
        deleted_column: Rows that it calls deleted are left out; empty: none.
        step: "newest": no digest, but the largest cursor; "buckets": one digest per
            bucket; "rows": one per row; "detail": the key and one digest per column,
            too.
        depth: Hex digits of a bucket's name; 0: one bucket.
        within: Only keys whose MD5 begins with one of these; all of one length.
        cursor: If `newest` is asked for, or `upto` given.
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


@dataclass(frozen=True)
class CheckTable:
    """A table to be looked at.

    Attributes:
        keyed: A row must be found again by its key.
        cursor: None: the whole table is read each time, or its changes are in the log.
        logged: The log must tell its changes.
    """

    table: TableSpec
    keyed: bool = True
    cursor: CursorSpec | None = None
    logged: bool = False


@dataclass(frozen=True)
class CheckRequest:
    """Ask whether a source, and some of its tables, are fit to be read; reads no row.

    At most CHECKED_TABLES tables, so that the reply stays small. Without a source it is
    asked only whether the function answers, and of which release it is.

    Attributes:
        log: How the source's log is read; None: no table of it needs that.
    """

    run_id: str
    source: str
    tables: tuple[CheckTable, ...] = ()
    log: LogSpec | None = None
    op: Literal["check"] = "check"
    version: int = VERSION


@dataclass(frozen=True)
class CaptureTable:
    """A table whose changed keys are wanted.

    Attributes:
        name: Configured name.
        key: Key columns; empty: the primary key.
        protected: Columns that are hashed or masked: none may be in the key, which
            stands in the files as it is.
    """

    name: str
    schema: str
    relation: str
    key: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaptureLimits:
    """Sizes of one capture.

    Attributes:
        max_wal_bytes: Of WAL; what lies behind is the next capture's.
        max_keys: Of one table; with more it has to be read as a whole.
    """

    max_wal_bytes: int = 8 << 30
    max_keys: int = 2_000_000


@dataclass(frozen=True)
class CaptureRequest:
    """Ask which keys have changed behind a position of the log.

    What lies before `from_lsn` is confirmed to the slot first: Snowflake has recorded
    it. Nothing behind it is.

    Attributes:
        from_lsn: End of the latest capture in the ledger; None: begin at the slot.
        server: `CaptureReply.server` of the ledger; empty: not known.
        create: Create the slot if there is none (START_LOG).
        skip: Give the log up to here up: every table has to be read as a whole.
    """

    run_id: str
    source: str
    log: LogSpec
    part: str
    tables: tuple[CaptureTable, ...] = ()
    from_lsn: str | None = None
    server: str = ""
    create: bool = False
    skip: bool = False
    limits: CaptureLimits = field(default_factory=CaptureLimits)
    op: Literal["capture"] = "capture"
    version: int = VERSION


@dataclass(frozen=True)
class DropSlotRequest:
    """Drop the slot of a source, so that it holds back no WAL any more (STOP_LOG)."""

    run_id: str
    source: str
    log: LogSpec
    op: Literal["drop_slot"] = "drop_slot"
    version: int = VERSION


CHECKED_TABLES = 100

Request = (
    ExtractRequest
    | PlanRequest
    | KeysRequest
    | DigestRequest
    | HealthRequest
    | CheckRequest
    | GroupRequest
    | DiscoverRequest
    | CaptureRequest
    | DropSlotRequest
)

Reply = (
    ExtractReply
    | PlanReply
    | DigestReply
    | HealthReply
    | CheckReply
    | GroupReply
    | DiscoverReply
    | CaptureReply
    | DropSlotReply
    | ErrorReply
)

REQUESTS: dict[str, type] = {
    "extract": ExtractRequest,
    "plan": PlanRequest,
    "keys": KeysRequest,
    "digest": DigestRequest,
    "health": HealthRequest,
    "check": CheckRequest,
    "group": GroupRequest,
    "discover": DiscoverRequest,
    "capture": CaptureRequest,
    "drop_slot": DropSlotRequest,
}
REPLIES: dict[str, type] = {
    "extract": ExtractReply,
    "plan": PlanReply,
    "keys": ExtractReply,
    "digest": DigestReply,
    "health": HealthReply,
    "check": CheckReply,
    "group": GroupReply,
    "discover": DiscoverReply,
    "capture": CaptureReply,
    "drop_slot": DropSlotReply,
}


def release() -> str:
    """Returns what tells whether two sides are of the same release.

    The version, and a digest of what every message consists of: two states of the
    source that have the same version may still speak differently.
    """
    shapes = "\n".join(sorted(_shapes(*REQUESTS.values(), *REPLIES.values())))
    return f"{RELEASE}-{hashlib.sha256(shapes.encode()).hexdigest()[:8]}"


def _shapes(*kinds: type) -> set[str]:
    found = set[str]()
    for kind in kinds:
        names = ",".join(item.name for item in dataclasses.fields(kind))
        found.add(f"{kind.__name__}({names})")
    return found


# --- text <-> message -----------------------------------------------------------------


def encode(message: Request | Reply) -> str:
    """Returns the message as compact JSON text (non-ASCII characters escaped)."""
    return json.dumps(to_object(message), separators=(",", ":"))


def encode_request(request: Request) -> str:
    """Returns a request as `encode` does, without the fields that have their default.

    It is a third shorter: 500 tables fit into one statement.
    """
    data = {"op": request.op, "version": request.version}
    data |= contract_codec.without_defaults(request)
    return json.dumps(data, separators=(",", ":"))


def to_object(message: Any) -> dict[str, Any]:
    """Returns the message as plain dictionaries and lists."""
    return dataclasses.asdict(message)


def decode_request(text: str | dict[str, Any]) -> Request:
    """Parses a request from JSON text or an already parsed object.

    Raises:
        ContractError: Not JSON, another version, unknown operation or field, wrong
            type.
    """
    data = contract_codec.parse_object(text)
    _check_version(data)
    request: Request = contract_codec.build(_choose(data, REQUESTS), data, "")
    if isinstance(request, ExtractRequest):
        _check_extract(request)
    if isinstance(request, GroupRequest):
        _check_group(request)
    return request


def place_of(request: ExtractRequest | KeysRequest) -> Place:
    """Returns where the files of a request have to lie; both sides go by it."""
    method = request.load_method if isinstance(request, ExtractRequest) else "copy"
    return Place(request.table.name, request.run_id, request.part, method)


def decode_reply(text: str | dict[str, Any]) -> Reply:
    """Parses a reply from JSON text or an already parsed object.

    Raises:
        ContractError: Not JSON, another version, unknown operation or field, wrong
            type.
    """
    data = contract_codec.parse_object(text)
    _check_version(data)
    if data.get("ok") is False:
        reply: Reply = contract_codec.build(ErrorReply, data, "")
        return reply
    reply = contract_codec.build(_choose(data, REPLIES), data, "")
    _check_types(reply)
    return reply


def _check_types(reply: Reply) -> None:
    """Types become a part of DDL, and are believed of nobody."""
    for part in getattr(reply, "parts", ()):
        _check_types(part.reply)
    for number, column in enumerate(getattr(reply, "columns", ())):
        if not SNOWFLAKE_TYPE.fullmatch(column.snowflake_type):
            raise ContractError(
                f"/columns/{number}/snowflake_type", "is no type of a target column"
            )


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


def _check_group(request: GroupRequest) -> None:
    if not 0 < len(request.parts) <= GROUP_PARTS:
        raise ContractError("/parts", f"must hold 1 to {GROUP_PARTS} parts")
    if len({part.table.source for part in request.parts}) > 1:
        raise ContractError("/parts", "must be of one source")
    if len({(part.table.name, part.part) for part in request.parts}) < len(
        request.parts
    ):
        raise ContractError("/parts", "must have places of their own for their files")
    if request.max_parallel < 1:
        raise ContractError("/max_parallel", "must be 1 or more")
    for part in request.parts:
        _check_extract(part)


def _check_extract(request: ExtractRequest | GroupPart) -> None:
    windowed = request.cursor is not None and request.window is not None
    changed = request.changes is not None
    given = (windowed, request.partition is not None, changed)
    if sum(given) != 1:
        raise ContractError(
            "",
            "an extract names either cursor and window, or a partition, or changes",
        )
    hashes = request.key_hashes if isinstance(request, ExtractRequest) else ()
    if hashes and request.partition is None:
        raise ContractError("/key_hashes", "limits a partition and nothing else")
