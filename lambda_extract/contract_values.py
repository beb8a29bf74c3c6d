"""PURE: values that several messages of the contract share; see `contract`."""

from dataclasses import dataclass
from typing import Literal

VERSION = 1
# The version of pyproject.toml, which neither zip has.
RELEASE = "0.1.0"
# What a digest has for a value of which its side can make no canonical text. Never
# equal to anything, so that such a row is always looked at.
INCOMPARABLE_IN_SOURCE = "!source"
INCOMPARABLE_IN_TARGET = "!target"


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

    Rows after the watermark are read again by the next sync. If their count and
    digest are what they were, nothing is new and nothing is sent.

    Attributes:
        rows: Number of rows with cursor > watermark.
        digest: Order-independent digest of their (tableoid, ctid, xmin), as text.
    """

    rows: int
    digest: str


def shown_columns(names: tuple[str, ...]) -> str:
    """Returns cursor columns as a message names them, each quoted as a text."""
    *first, last = [repr(name) for name in names]
    return f"{', '.join(first)} or {last}" if first else last


@dataclass(frozen=True)
class CursorSpec:
    """How an incremental table is read.

    Attributes:
        column: Cursor column in PostgreSQL.
        margin_seconds: Subtracted from the safe bound (clock skew between sessions).
        lookback_seconds: Time cursors: read this far behind the watermark again.
            Replaces the proof if open transactions cannot be seen. None: not set.
        lookback_values: The same for integer cursors, in cursor units.
        time_zone: Zone in which `timestamp without time zone` values are written;
            empty: nobody said so.
        null_policy: Rows whose cursor is NULL: "load" with every sync, "ignore",
            "fail".
        also: Further columns; a row's cursor is the greatest of all of them that is
            not NULL.
    """

    column: str
    margin_seconds: float = 5.0
    lookback_seconds: float | None = None
    lookback_values: int | None = None
    time_zone: str = ""
    null_policy: Literal["load", "ignore", "fail"] = "load"
    also: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All cursor columns."""
        return (self.column, *self.also)

    @property
    def shown(self) -> str:
        """The columns as a message names them."""
        return shown_columns(self.columns)


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
        trim_char: A char(n) travels without its trailing blanks; None: as the table
            says.
    """

    name: str
    rename: str = ""
    type: str = ""
    protect: Literal["", "hash", "mask"] = ""
    trim_char: bool | None = None


@dataclass(frozen=True)
class FilterTerm:
    """One step of a row filter, which travels in postfix order: operands first.

    A flat list needs no recursion to read, however it was nested.

    Attributes:
        operator: A comparison of `column`, or "and", "or", "not" of what stands before.
        column: PostgreSQL name; empty for "and", "or", "not".
        values: As PostgreSQL reads them for the column's type; none for "is null" and
            "is not null", several for "in" and "not in".
        operands: How many conditions "and" and "or" join.
    """

    operator: Literal[
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "not in",
        "is null",
        "is not null",
        "and",
        "or",
        "not",
    ]
    column: str = ""
    values: tuple[str, ...] = ()
    operands: int = 0


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
        trim_char: Every char(n) travels without its trailing blanks.
        where: Only rows that fulfil it exist for the sync; empty: all.
        keys_in_messages: Keys may be named in errors, reports, ledgers, if PostgreSQL
            enforces them: what is no unique index could be any column.
    """

    name: str
    source: str
    schema: str
    relation: str
    key: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    special_values: Literal["null", "fail"] = "null"
    columns: tuple[ColumnSpec, ...] = ()
    trim_char: bool = False
    where: tuple[FilterTerm, ...] = ()
    keys_in_messages: bool = False


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
class Member:
    """A relation that holds rows of a table: itself, a partition, a child.

    Attributes:
        oid: pg_class.oid.
        filenode: pg_relation_filenode(); 0 if there is none or it says nothing.
        linked: Transaction that attached it; empty for the table itself.
    """

    oid: int
    filenode: int
    linked: str = ""


@dataclass(frozen=True)
class SourceIdentity:
    """What a table was when it was read; tells a source that went back in time.

    Attributes:
        relation_id: pg_class.oid.
        members: The table and all of its partitions or children.
        system: System identifier of the server; empty: may not be read.
        timeline: Of the server; 0: may not be read.
        next_transaction: Upper end of the snapshot; 0 on a reader.
        sequence: Last value of the sequence behind an integer cursor, if readable.
        columns: Fingerprint of the columns that are read.
        types: Their numbers, each with a short fingerprint of its type.
    """

    relation_id: int
    members: tuple[Member, ...]
    system: str = ""
    timeline: int = 0
    next_transaction: int = 0
    sequence: int | None = None
    columns: str = ""
    types: str = ""


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
        identity: From the ledger: what the source was when `lower` was committed.
    """

    lower: CursorValue | None = None
    upper: CursorValue | None = None
    pending_bound: PendingBound | None = None
    overlap: Overlap | None = None
    first: bool = True
    identity: SourceIdentity | None = None


@dataclass(frozen=True)
class Partition:
    """One part of a snapshot: a half-open range of key values, lower <= key < upper.

    Attributes:
        part: Name of the part; a component of its S3 prefix.
        columns: Columns that the range compares; empty means the whole table.
        greatest: The range compares one value, the greatest of the columns that is not
            NULL, in place of their row.
        lower: Inclusive lower end, PostgreSQL's text for each column; None: no bound.
        upper: Exclusive upper end; None: no bound.
        estimated_rows: From statistics; -1 if unknown.
    """

    part: str
    columns: tuple[str, ...] = ()
    lower: tuple[str, ...] | None = None
    upper: tuple[str, ...] | None = None
    estimated_rows: int = -1
    greatest: bool = False


@dataclass(frozen=True)
class LogSpec:
    """How the log of a source is read.

    Attributes:
        slot: Logical replication slot of the plugin pgoutput.
        publication: What the slot is asked for.
    """

    slot: str
    publication: str


@dataclass(frozen=True)
class LogLeaf:
    """A relation that holds rows of a table in mode "log": itself, or a partition.

    Attributes:
        oid: pg_class.oid.
        filenode: pg_relation_filenode(): other after TRUNCATE or a rewrite.
        persistence: "p", or "u" for what is not in the log.
        linked: Transactions that attached it and the partitions above it.
    """

    oid: int
    filenode: int
    persistence: str
    linked: str = ""


@dataclass(frozen=True)
class LogIdentity:
    """What a table was when its rows were read; shows what the log does not tell.

    Attributes:
        relation_id: pg_class.oid.
        published: Object and transaction of the publication and of the table's
            membership: other if the table was taken out for a while.
        replica_identity: pg_class.relreplident.
        key: Key columns, each with its attribute number.
        leaves: The table itself, or its partitions that hold rows.
    """

    relation_id: int
    published: str
    replica_identity: str
    key: tuple[str, ...]
    leaves: tuple[LogLeaf, ...]
