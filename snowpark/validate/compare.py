"""Finds the rows in which a target differs from its source, bucket by bucket."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract import (
    Bucket,
    CursorValue,
    DigestReply,
    Partition,
    PlanReply,
    RowDigest,
)
from snowpark.columns import types
from snowpark.columns.alignment import Rules
from snowpark.columns.column import LoadColumn
from snowpark.columns.pairing import paired
from snowpark.errors import SyncError, UsageError
from snowpark.extraction import ask
from snowpark.extraction import requests as extraction_requests
from snowpark.ledger import lease
from snowpark.ledger.records import TableState
from snowpark.load import target_statements
from snowpark.load.target import source_of
from snowpark.session import Snowflake
from snowpark.validate import statements
from snowpark.validate.buckets import Both, added_up, differing_keys
from snowpark.validate.differences import Difference, between
from snowpark.validate.statements import Digested

# About as many rows in a bucket, so that those of a differing one can be looked at.
_ROWS_PER_BUCKET = 16
# 4096 buckets at first: one reply of 300 kB. Each further level divides by 256.
_DEEPEST_START = 3
_DEEPER = 2
_DEEPEST = 12
# What a person can look at. More differences than this are a case for RESYNC_TABLE.
MOST_DIFFERENCES = 1000
_BUCKETS_AT_A_TIME = 200
_MOST_ROWS = 50_000
# Keys in one statement; each takes 19 bytes.
_MOST_BEYOND = 50_000


@dataclass(frozen=True)
class Subject:
    """What is compared.

    Attributes:
        digested: The target's side.
        partitions: The source, in parts that fit into one call each.
        upto: Rows whose cursor is beyond are not promised yet; None: all are compared.
        not_compared: Source column -> why it is not compared, or not fully.
    """

    found: TableState
    run_id: str
    digested: Digested
    partitions: tuple[Partition, ...]
    estimated_rows: int
    not_compared: dict[str, str]
    upto: CursorValue | None = None


@dataclass(frozen=True)
class Suspects:
    """Keys that differed when both sides were looked at, one after the other.

    Attributes:
        beyond: Rows of the source that were left out because of their cursor.
        complete: False if there are more than could be named.
    """

    keys: tuple[str, ...]
    source_rows: int
    target_rows: int
    beyond: int
    complete: bool


def newest(snowflake: Snowflake, found: TableState, run_id: str) -> CursorValue | None:
    """Returns the source's largest cursor: a sync from now on brings all up to it.

    Raises:
        SyncError: The source could not be read.
    """
    settings = found.settings
    if settings.cursor is None:
        return None
    request = extraction_requests.newest_request(settings, settings.cursor, run_id)
    return ask.ask(snowflake, request, DigestReply).newest


def subject(
    snowflake: Snowflake, found: TableState, run_id: str, upto: CursorValue | None
) -> Subject:
    """Looks at both sides' columns and returns what can be compared.

    Raises:
        SyncError: The source or the target could not be looked at.
    """
    settings = found.settings
    planned = ask.ask(
        snowflake, extraction_requests.snapshot_request(settings, run_id), PlanReply
    )
    rows = snowflake.run(target_statements.describe_target(settings.target))
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
    by_name = {column.source.name: column for column in chosen}
    key = planned.key or tuple(by_name)
    if not by_name or not set(key) <= set(by_name):
        raise UsageError("nothing_to_validate", "The key's columns cannot be compared.")
    digested = Digested(
        target=settings.target,
        columns=tuple(chosen),
        key=tuple(by_name[name] for name in key),
        soft_deletes=settings.deletes_softly,
        names_keys=settings.keys_in_messages and planned.key_enforced,
        history=settings.history,
    )
    return Subject(
        found=found,
        run_id=run_id,
        digested=digested,
        partitions=planned.partitions,
        estimated_rows=planned.estimated_rows,
        not_compared=reasons,
        upto=upto,
    )


def _why_not(column: LoadColumn, existing: dict[str, str], new: bool) -> str:
    if new or column.name not in existing:
        return "the target has no such column"
    held = types.family(existing[column.name])
    if held != types.family(column.source.snowflake_type):
        return f"the target holds it as {held}"
    return ""


def suspects(snowflake: Snowflake, subject: Subject) -> Suspects:
    """Drills down from buckets to keys.

    Raises:
        SyncError: One of the sides could not be read.
    """
    depth = 1
    while depth < _DEEPEST_START and (
        16**depth * _ROWS_PER_BUCKET < subject.estimated_rows
    ):
        depth += 1
    both = _both_buckets(snowflake, subject, depth, ())
    counts = *both.rows, both.beyond
    differing = both.differing
    complete = both.complete
    while differing and both.largest > _ROWS_PER_BUCKET * 8 and depth < _DEEPEST:
        complete = complete and len(differing) <= _BUCKETS_AT_A_TIME
        depth += _DEEPER
        within = differing[:_BUCKETS_AT_A_TIME]
        both = _both_buckets(snowflake, subject, depth, within)
        differing = both.differing
        complete = complete and both.complete
    keys: list[str] = []
    for start in range(0, len(differing), _BUCKETS_AT_A_TIME):
        if len(keys) > MOST_DIFFERENCES:
            break
        within = differing[start : start + _BUCKETS_AT_A_TIME]
        more, whole = _keys_within(snowflake, subject, within)
        keys += more
        complete = complete and whole
    complete = complete and len(keys) <= MOST_DIFFERENCES
    return Suspects(tuple(keys[:MOST_DIFFERENCES]), *counts, complete)


def look_at(
    snowflake: Snowflake, subject: Subject, keys: Sequence[str]
) -> dict[str, Difference]:
    """Compares the rows of these keys (MD5 of their text) as they are now.

    Returns:
        What still differs.

    Raises:
        SyncError: One of the sides could not be read.
    """
    if not keys:
        return {}
    source: dict[str, list[RowDigest]] = defaultdict(list)
    for reply in _ask(snowflake, subject, "detail", 0, keys):
        for digest in reply.digests:
            source[digest.key_hash].append(digest)
    target: dict[str, list[RowDigest]] = defaultdict(list)
    for row in snowflake.run_list(
        statements.detail(subject.digested, keys), tell_only=()
    ):
        key = tuple(None if v is None else str(v) for v in list(row)[3:])
        digest = RowDigest(str(row[0]), str(row[1]), key, str(row[2]))
        target[digest.key_hash].append(digest)
    names = [column.source.name for column in subject.digested.columns]
    found = (between(k, source[k], target[k], names) for k in keys)
    return {d.key_hash: d for d in found if d is not None}


def _keys_within(
    snowflake: Snowflake, subject: Subject, within: Sequence[str]
) -> tuple[list[str], bool]:
    replies = _ask(snowflake, subject, "rows", 0, within)
    beyond = _beyond(replies)
    statement = statements.rows(
        subject.digested, within, _MOST_ROWS, beyond[:_MOST_BEYOND]
    )
    found = snowflake.run_list(statement, tell_only=())
    complete = _complete(replies, beyond) and len(found) < _MOST_ROWS
    keys = differing_keys(
        (digest for reply in replies for digest in reply.digests),
        (RowDigest(str(row[0]), str(row[1])) for row in found),
    )
    return keys, complete


def _both_buckets(
    snowflake: Snowflake, subject: Subject, depth: int, within: Sequence[str]
) -> Both:
    replies = _ask(snowflake, subject, "buckets", depth, within)
    # The target still holds these rows as they were: they are compared on no side.
    beyond = _beyond(replies)
    statement = statements.buckets(
        subject.digested, depth, within, beyond[:_MOST_BEYOND]
    )
    rows = snowflake.run_list(statement, tell_only=())
    target = {
        str(row[0]): Bucket(str(row[0]), int(row[1]), str(row[2]), str(row[3]))
        for row in rows
    }
    complete = _complete(replies, beyond)
    return Both(added_up(replies), target, len(beyond), complete)


def _beyond(replies: Sequence[DigestReply]) -> list[str]:
    return [prefix for reply in replies for prefix in reply.beyond]


def _complete(replies: Sequence[DigestReply], beyond: Sequence[str]) -> bool:
    return all(reply.complete for reply in replies) and len(beyond) <= _MOST_BEYOND


def _ask(
    snowflake: Snowflake,
    subject: Subject,
    step: Literal["buckets", "rows", "detail"],
    depth: int,
    within: Sequence[str],
) -> list[DigestReply]:
    """Asks for the digests of every part, as many at a time as the source allows."""
    settings = subject.found.settings
    request = extraction_requests.digest_request(
        settings,
        subject.run_id,
        columns=[c.source.name for c in subject.digested.columns],
        key=[c.source.name for c in subject.digested.key],
        step=step,
        depth=depth,
        within=within,
        upto=subject.upto if step != "detail" else None,
    )
    expected = tuple(c.source for c in subject.digested.columns)
    replies = []
    for start in range(0, len(subject.partitions), settings.max_parallel):
        wave = subject.partitions[start : start + settings.max_parallel]
        requests = [dataclasses.replace(request, partition=part) for part in wave]
        for reply in ask.ask_all(snowflake, requests):
            found = ask.expect(reply, DigestReply, subject.run_id)
            if found.columns != expected:
                raise SyncError(
                    "columns_changed", "The columns changed while they were compared."
                )
            replies.append(found)
        lease.renew_lease(snowflake, settings.name, subject.run_id)
    return replies
