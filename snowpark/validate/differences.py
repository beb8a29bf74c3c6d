"""PURE: how the row of one key differs between source and target."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract import (
    INCOMPARABLE_IN_SOURCE,
    INCOMPARABLE_IN_TARGET,
    RowDigest,
)

Kind = Literal["missing_in_target", "extra_in_target", "different", "incomparable"]

# Hex digits of a column's digest.
_DIGITS = 8
_INCOMPARABLE = frozenset(
    hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_DIGITS]
    for text in (INCOMPARABLE_IN_SOURCE, INCOMPARABLE_IN_TARGET)
)


@dataclass(frozen=True)
class Difference:
    """One key whose rows differ.

    Attributes:
        key: Texts of the key's columns.
        kind: "incomparable" if nothing differs but values that one of the sides
            could not digest.
        columns: Source columns that differ, or could not be compared.
        source_hash: Digest of the source's row; None if there is none.
    """

    key_hash: str
    key: tuple[str | None, ...]
    kind: Kind
    columns: tuple[str, ...]
    source_hash: str | None


def between(
    key_hash: str,
    source: Sequence[RowDigest],
    target: Sequence[RowDigest],
    names: Sequence[str],
) -> Difference | None:
    """Returns how the rows of one key differ; None if they do not.

    Args:
        source: One row; more only in a table without a key.
        target: Likewise.
        names: Source columns, in the order of the rows' digests.
    """
    if len(source) > len(target):
        one = source[0]
        return Difference(key_hash, one.key, "missing_in_target", (), one.row_hash)
    if len(target) > len(source):
        known = source[0].row_hash if source else None
        return Difference(key_hash, target[0].key, "extra_in_target", (), known)
    if _hashes(source) == _hashes(target):
        return None
    return _in_columns(source[0], target[0], names)


def _hashes(rows: Sequence[RowDigest]) -> list[str]:
    return sorted(row.row_hash for row in rows)


def _in_columns(
    source: RowDigest, target: RowDigest, names: Sequence[str]
) -> Difference:
    differ: list[str] = []
    unknown: list[str] = []
    for place, name in enumerate(names):
        one, other = _digest(source, place), _digest(target, place)
        if {one, other} & _INCOMPARABLE:
            unknown.append(name)
        elif one != other:
            differ.append(name)
    kind: Kind = "incomparable" if unknown and not differ else "different"
    columns = tuple(differ or unknown)
    return Difference(source.key_hash, source.key, kind, columns, source.row_hash)


def _digest(row: RowDigest, place: int) -> str:
    return row.columns[place * _DIGITS : (place + 1) * _DIGITS]
