"""PURE: the buckets of both sides, and which of them differ."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lambda_extract.contract import Bucket, DigestReply, RowDigest


@dataclass(frozen=True)
class Both:
    """The buckets of one level.

    Attributes:
        source: By name; all parts added up.
        target: By name.
        beyond: Rows of the source that were left out because of their cursor.
        complete: False if more had to be left out than a reply can name.
    """

    source: dict[str, Bucket]
    target: dict[str, Bucket]
    beyond: int = 0
    complete: bool = True

    @property
    def differing(self) -> list[str]:
        """Names of the buckets that differ, or stand on one side only."""
        names = sorted(self.source.keys() | self.target.keys())
        return [
            name for name in names if self.source.get(name) != self.target.get(name)
        ]

    @property
    def largest(self) -> int:
        """Rows of the largest differing bucket."""
        sides = (self.source, self.target)
        found = [s[name].rows for s in sides for name in self.differing if name in s]
        return max(found, default=0)

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of the source and of the target."""
        return (
            sum(bucket.rows for bucket in self.source.values()),
            sum(bucket.rows for bucket in self.target.values()),
        )


def added_up(replies: Iterable[DigestReply]) -> dict[str, Bucket]:
    """Returns the buckets of all parts of the source, added up by name."""
    found: dict[str, Bucket] = {}
    for reply in replies:
        for bucket in reply.buckets:
            found[bucket.name] = _sum(found.get(bucket.name), bucket)
    return found


def _sum(one: Bucket | None, other: Bucket) -> Bucket:
    if one is None:
        return other
    return Bucket(
        name=one.name,
        rows=one.rows + other.rows,
        low=str(int(one.low) + int(other.low)),
        high=str(int(one.high) + int(other.high)),
    )


def differing_keys(
    source: Iterable[RowDigest], target: Iterable[RowDigest]
) -> list[str]:
    """Returns the keys (MD5) whose rows differ, or are not as many, in order.

    A table without a key has all columns as its key, and may hold a row twice.
    """
    rows: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for row in source:
        rows[row.key_hash][0].append(row.row_hash)
    for row in target:
        rows[row.key_hash][1].append(row.row_hash)
    return sorted(key for key, (one, two) in rows.items() if sorted(one) != sorted(two))
