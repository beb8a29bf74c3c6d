"""PURE: what a source is asked about its tables, and what it answers; see contract."""

from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract_replies import Warning
from lambda_extract.contract_values import VERSION


@dataclass(frozen=True)
class DiscoverRequest:
    """Ask which tables a source has, and what a sync can use of them; reads no row.

    Attributes:
        patterns: "schema.table", in which `*` stands for any characters and `?` for
            one.
        after: Schema and table of the last table of the reply before; empty: from the
            start.
    """

    run_id: str
    source: str
    patterns: tuple[str, ...]
    after: tuple[str, ...] = ()
    op: Literal["discover"] = "discover"
    version: int = VERSION


@dataclass(frozen=True)
class FoundColumn:
    """A column, and what may make it a cursor.

    Attributes:
        type: PostgreSQL's format_type() text.
        comment: The first 200 characters.
        readable: The reader role may SELECT it.
        cursor_type: The type that its values are compared in; empty: no cursor.
        indexed: A complete btree index begins with it.
        default: What fills it in a new row.
        trigger: A BEFORE UPDATE trigger whose function assigns it; empty: none.
        required_protection: What the source demands: "hash", "mask", "exclude".
    """

    name: str
    type: str
    not_null: bool = False
    comment: str = ""
    readable: bool = True
    cursor_type: str = ""
    indexed: bool = False
    default: Literal["", "clock", "sequence"] = ""
    trigger: str = ""
    required_protection: str = ""


@dataclass(frozen=True)
class FoundTable:
    """A relation of the allow-list.

    Attributes:
        kind: pg_class.relkind: r, p, v, m, f.
        rows: From statistics; -1: unknown.
        bytes: From statistics, without indexes; -1: unknown.
        key: The primary key, or else the smallest unique index over NOT NULL columns.
        primary: The key is the primary key.
        refused: What keeps every sync from reading it.
    """

    schema: str
    relation: str
    kind: str
    rows: int
    bytes: int
    columns: tuple[FoundColumn, ...]
    key: tuple[str, ...] = ()
    primary: bool = False
    comment: str = ""
    refused: tuple[Warning, ...] = ()


@dataclass(frozen=True)
class DiscoverReply:
    """Tables in the order of their names.

    Attributes:
        not_allowed: Tables that match and are not on the allow-list; in the last reply.
        hashes: The source has a key that hashes columns.
        proves: Open transactions can be seen, so that increments miss nothing.
        complete: False: ask again with `after`, the last table seen.
        after: Schema and table to go on from.
    """

    run_id: str
    tables: tuple[FoundTable, ...]
    not_allowed: int = 0
    hashes: bool = False
    proves: bool = True
    complete: bool = True
    after: tuple[str, ...] = ()
    ok: Literal[True] = True
    op: Literal["discover"] = "discover"
    version: int = VERSION
