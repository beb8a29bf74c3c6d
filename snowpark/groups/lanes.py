"""PURE: who does which table: the largest first, to the lane that has least to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Of a table that nobody has loaded yet.
_UNKNOWN_SECONDS = 30.0


@dataclass(frozen=True)
class Past:
    """What the last runs of a table took.

    Attributes:
        seconds: Of its last load; None: there was none.
        unfinished: Its last run vanished.
    """

    seconds: float | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Place:
    """Where a table stands: its lane, from 1, and its place there, from 0."""

    lane: int
    place: int


def assign(
    tables: Sequence[str], past: Mapping[str, Past], lanes: int
) -> dict[str, Place]:
    """Returns the place of each table; the first lanes have work, the others none."""

    def known(table: str) -> Past:
        return past.get(table, Past())

    def seconds(table: str) -> float:
        found = known(table).seconds
        return _UNKNOWN_SECONDS if found is None else found

    order = sorted(tables, key=lambda t: (not known(t).unfinished, -seconds(t), t))
    load = [0.0] * min(lanes, len(tables))
    count = [0] * len(load)
    places: dict[str, Place] = {}
    for table in order:
        least = min(range(len(load)), key=lambda lane: (load[lane], lane))
        places[table] = Place(least + 1, count[least])
        # Even a table that took no time costs its statements.
        load[least] += seconds(table) + 1.0
        count[least] += 1
    return places
