"""Finds the rows in which a target differs from its source, bucket by bucket."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract import DigestReply, DigestRequest, Partition, PlanReply
from lambda_extract.contract import Bucket, RowDigest
from snowpark import columns, drift_statements, extract, plan, state
from snowpark import validate_statements as texts
from snowpark.columns import LoadColumn
from snowpark.errors import SyncError, UsageError
from snowpark.model import TableState
from snowpark.pairing import paired
from snowpark.alignment import Rules
from snowpark.target import source_of
from snowpark.validate_statements import Digested
from snowpark.warehouse import Warehouse

Kind = Literal["missing_in_target", "extra_in_target", "different"]

# About as many rows in a bucket, so that those of a differing one can be looked at.
_ROWS_PER_BUCKET = 16
# 4096 buckets at first: one reply of 300 kB. Each further level divides by 256.
_DEEPEST_START = 3
_DEEPER = 2
# What a person can look at. More differences than this are a case for RESYNC_TABLE.
MOST_DIFFERENCES = 1000
_BUCKETS_AT_A_TIME = 200
_MOST_ROWS = 50_000


@dataclass(frozen=True)
class Subject:
    """What is compared.

    Attributes:
        digested: The target's side.
        partitions: The source, in parts that fit into one call each.
        not_compared: Source column -> why it is not compared, or not fully.
    """

    found: TableState
    run_id: str
    digested: Digested
    partitions: tuple[Partition, ...]
    estimated_rows: int
    not_compared: dict[str, str]


@dataclass(frozen=True)
class Difference:
    """One key whose rows differ.

    Attributes:
        key: Texts of the key's columns.
        columns: Source columns that differ.
        source_hash: Digest of the source's row; None where there is none.
    """

    key_hash: str
    key: tuple[str | None, ...]
    kind: Kind
    columns: tuple[str, ...]
    source_hash: str | None


@dataclass(frozen=True)
class Suspects:
    """Keys that differed when both sides were looked at, one after the other.

    Attributes:
        complete: False where there are more than could be named.
    """

    keys: tuple[str, ...]
    source_rows: int
    target_rows: int
    complete: bool


def subject(warehouse: Warehouse, found: TableState, run_id: str) -> Subject:
    """Looks at both sides' columns and returns what can be compared.

    Raises:
        SyncError: The source or the target could not be looked at.
    """
    settings = found.settings
    planned = extract.ask(warehouse, plan.snapshot_request(settings, run_id), PlanReply)
    rows = warehouse.run(drift_statements.describe_target(settings.target))
    existing = {str(row["name"]): str(row["type"]) for row in rows}
    rules = Rules(drift="freeze", type_change="fail")
    slots, _ = paired(source_of(planned), found.shape, rules)
    chosen: list[LoadColumn] = []
    reasons: dict[str, str] = {}
    for slot in slots:
        column = slot.column.renamed(slot.goal)
        if not column.loaded:
            continue
        reason = _why_not(column, existing, slot.is_new)
        if reason:
            reasons[column.source.name] = reason
        else:
            chosen.append(column)
            reasons |= _limits(column)
    by_name = {column.source.name: column for column in chosen}
    key = planned.key or tuple(by_name)
    if not by_name or not set(key) <= set(by_name):
        raise UsageError("nothing_to_validate", "The key's columns cannot be compared.")
    digested = Digested(
        target=settings.target,
        columns=tuple(chosen),
        key=tuple(by_name[name] for name in key),
        soft_deletes=settings.deletes_softly,
    )
    return Subject(
        found, run_id, digested, planned.partitions, planned.estimated_rows, reasons
    )


def _why_not(column: LoadColumn, existing: dict[str, str], new: bool) -> str:
    if new or column.name not in existing:
        return "the target has no such column"
    held = columns.family(existing[column.name])
    if held != columns.family(column.source.snowflake_type):
        return f"the target holds it as {held}"
    return ""


def _limits(column: LoadColumn) -> dict[str, str]:
    family = columns.family(column.source.snowflake_type)
    if family == "FLOAT":
        return {column.source.name: "compared to 15 significant digits"}
    if family in ("VARIANT", "ARRAY", "OBJECT"):
        text = "compared by NULL, the kind of value and the length of an array"
        return {column.source.name: text}
    return {}


def suspects(warehouse: Warehouse, subject: Subject) -> Suspects:
    """Drills down from buckets to keys.

    Raises:
        SyncError: One of the sides could not be read.
    """
    depth = 1
    while depth < _DEEPEST_START and (
        16**depth * _ROWS_PER_BUCKET < subject.estimated_rows
    ):
        depth += 1
    source, target = _both_buckets(warehouse, subject, depth, ())
    counts = _total(source), _total(target)
    differing = _differing(source, target)
    complete = True
    while differing and _largest(source, target, differing) > _ROWS_PER_BUCKET * 8:
        complete = complete and len(differing) <= _BUCKETS_AT_A_TIME
        depth += _DEEPER
        within = differing[:_BUCKETS_AT_A_TIME]
        source, target = _both_buckets(warehouse, subject, depth, within)
        differing = _differing(source, target)
    keys: list[str] = []
    for start in range(0, len(differing), _BUCKETS_AT_A_TIME):
        if len(keys) > MOST_DIFFERENCES:
            break
        within = differing[start : start + _BUCKETS_AT_A_TIME]
        more, whole = _keys_within(warehouse, subject, within)
        keys += more
        complete = complete and whole
    complete = complete and len(keys) <= MOST_DIFFERENCES
    return Suspects(tuple(keys[:MOST_DIFFERENCES]), *counts, complete)


def look_at(
    warehouse: Warehouse, subject: Subject, keys: Sequence[str]
) -> dict[str, Difference]:
    """Compares the rows of these keys (MD5 of their text) as they are now.

    Returns:
        What still differs.

    Raises:
        SyncError: One of the sides could not be read.
    """
    if not keys:
        return {}
    source: dict[str, RowDigest] = {}
    for reply in _ask(warehouse, subject, "detail", 0, keys):
        source |= {row.key_hash: row for row in reply.digests}
    target: dict[str, RowDigest] = {}
    for row in warehouse.run(texts.detail(subject.digested, keys), tell_only=()):
        key = tuple(None if v is None else str(v) for v in list(row)[3:])
        digest = RowDigest(str(row[0]), str(row[1]), key, str(row[2]))
        target[digest.key_hash] = digest
    names = [column.source.name for column in subject.digested.columns]
    found = (_difference(k, source.get(k), target.get(k), names) for k in keys)
    return {d.key_hash: d for d in found if d is not None}


def _difference(
    key_hash: str,
    source: RowDigest | None,
    target: RowDigest | None,
    names: Sequence[str],
) -> Difference | None:
    if source is None and target is None:
        return None
    if target is None and source is not None:
        return Difference(
            key_hash, source.key, "missing_in_target", (), source.row_hash
        )
    if source is None and target is not None:
        return Difference(key_hash, target.key, "extra_in_target", (), None)
    if source is None or target is None or source.row_hash == target.row_hash:
        return None
    differ = tuple(
        name
        for place, name in enumerate(names)
        if source.columns[place * 8 : place * 8 + 8]
        != target.columns[place * 8 : place * 8 + 8]
    )
    return Difference(key_hash, source.key, "different", differ, source.row_hash)


def _keys_within(
    warehouse: Warehouse, subject: Subject, within: Sequence[str]
) -> tuple[list[str], bool]:
    replies = _ask(warehouse, subject, "rows", 0, within)
    source = {row.key_hash: row.row_hash for reply in replies for row in reply.digests}
    found = warehouse.run(
        texts.rows(subject.digested, within, _MOST_ROWS), tell_only=()
    )
    target = {str(row[0]): str(row[1]) for row in found}
    complete = all(reply.complete for reply in replies) and len(found) < _MOST_ROWS
    keys = sorted(source.keys() | target.keys())
    return [k for k in keys if source.get(k) != target.get(k)], complete


def _both_buckets(
    warehouse: Warehouse, subject: Subject, depth: int, within: Sequence[str]
) -> tuple[dict[str, Bucket], dict[str, Bucket]]:
    source: dict[str, Bucket] = {}
    for reply in _ask(warehouse, subject, "buckets", depth, within):
        for bucket in reply.buckets:
            source[bucket.name] = _sum(source.get(bucket.name), bucket)
    rows = warehouse.run(texts.buckets(subject.digested, depth, within), tell_only=())
    target = {
        str(row[0]): Bucket(str(row[0]), int(row[1]), str(row[2]), str(row[3]))
        for row in rows
    }
    return source, target


def _sum(one: Bucket | None, other: Bucket) -> Bucket:
    if one is None:
        return other
    return Bucket(
        name=one.name,
        rows=one.rows + other.rows,
        low=str(int(one.low) + int(other.low)),
        high=str(int(one.high) + int(other.high)),
    )


def _differing(source: dict[str, Bucket], target: dict[str, Bucket]) -> list[str]:
    names = sorted(source.keys() | target.keys())
    return [name for name in names if source.get(name) != target.get(name)]


def _largest(
    source: dict[str, Bucket], target: dict[str, Bucket], names: Sequence[str]
) -> int:
    found = [
        side[name].rows for side in (source, target) for name in names if name in side
    ]
    return max(found, default=0)


def _total(buckets: dict[str, Bucket]) -> int:
    return sum(bucket.rows for bucket in buckets.values())


def _ask(
    warehouse: Warehouse,
    subject: Subject,
    step: Literal["buckets", "rows", "detail"],
    depth: int,
    within: Sequence[str],
) -> list[DigestReply]:
    """Asks for the digests of every part, as many at a time as the source allows."""
    settings = subject.found.settings
    deleted = settings.delete_column if settings.deletes == "soft_column" else None
    request = DigestRequest(
        run_id=subject.run_id,
        table=settings.table_spec,
        partition=Partition(part="whole"),
        columns=tuple(c.source.name for c in subject.digested.columns),
        key=tuple(c.source.name for c in subject.digested.key),
        deleted_column=deleted or "",
        step=step,
        depth=depth,
        within=tuple(within),
    )
    expected = tuple(c.source for c in subject.digested.columns)
    replies = []
    for start in range(0, len(subject.partitions), settings.max_parallel):
        wave = subject.partitions[start : start + settings.max_parallel]
        requests = [dataclasses.replace(request, partition=part) for part in wave]
        for reply in extract.ask_all(warehouse, requests):
            found = extract.expect(reply, DigestReply, subject.run_id)
            if found.columns != expected:
                raise SyncError(
                    "columns_changed", "The columns changed while they were compared."
                )
            replies.append(found)
        state.hold_lease(warehouse, settings.name, subject.run_id)
    return replies
