"""PURE: the messages about many tables of one source; see `contract`.

One request stands for many extractions. The front claims one job whose queue has a part
for each; up to `max_parallel` workers drain it, each over one PostgreSQL session. The
reply comes when all parts are done or the time of the external call is over. What is
not in it is named, and asked for again by another request.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lambda_extract.contract_paths import LoadMethod
from lambda_extract.contract_replies import (
    ChangeSet,
    Column,
    Described,
    ErrorDetail,
    ExtractReply,
)
from lambda_extract.contract_values import (
    VERSION,
    CursorSpec,
    Limits,
    Partition,
    TableSpec,
    Window,
)

# More parts than this belong into another request.
GROUP_PARTS = 500
# Bytes of JSON text of a reply; the parts beyond are asked for again.
GROUP_REPLY_BYTES = 4_000_000


@dataclass(frozen=True)
class KnownColumns:
    """What the last commit of a table knew of its columns, by its digest.

    Attributes:
        sha256: See `columns_digest`.
        target: Goes into the digest, as do the three that follow.
    """

    sha256: str
    target: str
    schema_drift: str
    type_change: str
    deletes_softly: bool


@dataclass(frozen=True)
class GroupPart:
    """One extraction of a group: an `ExtractRequest` without its run.

    Exactly one of (`cursor` and `window`), `partition` and `changes` is set.

    Attributes:
        known: If the columns are still these, and no rows come with them, columns
            and key stay out of the reply.
    """

    table: TableSpec
    part: str
    limits: Limits = field(default_factory=Limits)
    cursor: CursorSpec | None = None
    window: Window | None = None
    partition: Partition | None = None
    load_method: LoadMethod = "copy"
    known: KnownColumns | None = None
    changes: ChangeSet | None = None


@dataclass(frozen=True)
class GroupRequest:
    """Extract windows or parts of many tables of one source, one after the other.

    Attributes:
        parts: 1 to GROUP_PARTS, all of one source.
        max_parallel: PostgreSQL sessions at once.
    """

    run_id: str
    parts: tuple[GroupPart, ...]
    max_parallel: int = 8
    op: Literal["group"] = "group"
    version: int = VERSION


@dataclass(frozen=True)
class PartReply:
    """What became of one part: exactly one of `reply` and `error` is set.

    Attributes:
        number: Place of the part in the request, from 0.
        columns_known: Columns and key of `reply` are those of the request's digest, and
            left out.
    """

    number: int
    reply: ExtractReply | None = None
    error: ErrorDetail | None = None
    columns_known: bool = False


@dataclass(frozen=True)
class GroupReply:
    """What became of the parts of a group, by their numbers.

    Attributes:
        left: Numbers of the parts that did not end in time, or whose replies would not
            fit: ask for them again.
    """

    run_id: str
    parts: tuple[PartReply, ...]
    left: tuple[int, ...] = ()
    ok: Literal[True] = True
    op: Literal["group"] = "group"
    version: int = VERSION


def columns_digest(
    columns: Sequence[Column],
    key: Sequence[str],
    relation_id: int,
    *,
    target: str,
    rules: Sequence[str | bool],
    described: Described | None = None,
) -> str:
    """Returns the SHA-256 hex digest of all that shapes a target.

    Args:
        rules: Policies for changed columns and types, and whether rows are only
            flagged as deleted.
        described: None: nothing is known of it, as in releases before.
    """
    shape: list[object] = [
        # What a window alone has beside the columns shapes nothing.
        [vars(c) for c in columns if c.role != "gone"],
        list(key),
        relation_id,
        target,
        list(rules),
    ]
    if described is not None:
        shape.append(dataclasses.asdict(described))
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def are_known(reply: ExtractReply, known: KnownColumns | None) -> bool:
    """Returns whether the columns of a reply are those that the request knows."""
    if known is None:
        return False
    rules = (known.schema_drift, known.type_change, known.deletes_softly)
    found = columns_digest(
        reply.columns,
        reply.key,
        reply.relation_id,
        target=known.target,
        rules=rules,
        described=reply.described,
    )
    return found == known.sha256
