"""What a history has to be: versions in a Python list, row by row.

It is written the other way round than the product's SQL: one row after the other is put
into a list of versions, no event is ever sorted.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

_SHORTEST = timedelta(microseconds=1)
Values = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One version of a row: valid from a moment up to, and without, another."""

    start: datetime
    values: Values
    end: datetime | None = None
    deleted: bool = False
    known: frozenset[str] = frozenset()


@dataclass
class History:
    """All versions of all keys.

    Attributes:
        tracked: Columns whose change makes a version.
        versions: By key, oldest first.
    """

    tracked: tuple[str, ...]
    versions: dict[int, list[Version]] = field(default_factory=dict)

    def read(
        self,
        key: int,
        moment: datetime | None,
        values: Mapping[str, Any],
        now: datetime,
    ) -> None:
        """A row was read: it is like that now, and says since when."""
        before = self.last(key)
        if moment is not None and not self._is_known(key, moment):
            self._begin(key, moment, dict(values), dated=True)
        if moment is None or (before is not None and before >= moment):
            at = now if before is None else max(now, before + _SHORTEST)
            self._begin(key, at, dict(values), dated=False)

    def gone(self, key: int, moment: datetime | None, now: datetime) -> None:
        """A row was read that says of itself that it is deleted (since a moment)."""
        before = self.last(key)
        if moment is not None and not self._is_known(key, moment):
            self._end(key, moment, dated=True)
        if moment is None or (before is not None and before >= moment):
            at = now if before is None else max(now, before + _SHORTEST)
            self._end(key, at, dated=False)

    def close(self, key: int, now: datetime) -> None:
        """A row is not in the source any more."""
        versions = self.versions.get(key, [])
        if versions and versions[-1].end is None:
            last = versions[-1]
            end = max(now, last.start + _SHORTEST)
            versions[-1] = dataclasses.replace(last, end=end, deleted=True)

    def current(self, key: int) -> Values | None:
        """Returns the values of a living row."""
        versions = self.versions.get(key, [])
        return versions[-1].values if versions and versions[-1].end is None else None

    def last(self, key: int) -> datetime | None:
        """Returns the newest moment of which something is known."""
        versions = self.versions.get(key, [])
        return (versions[-1].end or versions[-1].start) if versions else None

    def _is_known(self, key: int, at: datetime) -> bool:
        return any(at in (v.start, v.end) for v in self.versions.get(key, []))

    def _same(self, one: Version, values: Values) -> bool:
        return all(
            one.values.get(c) == values[c]
            for c in self.tracked
            if c in values and c in one.values
        )

    def _begin(self, key: int, at: datetime, values: Values, *, dated: bool) -> None:
        versions = self.versions.setdefault(key, [])
        place = sum(v.start < at for v in versions)
        before = versions[place - 1] if place else None
        after = versions[place] if place < len(versions) else None
        holds = before is not None and (before.end is None or before.end > at)
        gone_next = holds and before is not None and before.deleted
        if dated and not gone_next and after and self._same(after, values):
            return
        if holds and before is not None:
            if self._same(before, values):
                versions[place - 1] = dataclasses.replace(
                    before, values={**before.values, **values}
                )
                return
            new = Version(at, values, before.end, before.deleted)
            versions[place - 1] = dataclasses.replace(before, end=at, deleted=False)
        else:
            new = Version(at, values, after.start if after else None)
        versions.insert(place, new)

    def _end(self, key: int, at: datetime, *, dated: bool) -> None:
        versions = self.versions.get(key, [])
        place = sum(v.start < at for v in versions)
        before = versions[place - 1] if place else None
        if before is None or (before.end is not None and before.end <= at):
            return
        if dated and before.deleted:
            return
        versions[place - 1] = dataclasses.replace(before, end=at, deleted=True)
