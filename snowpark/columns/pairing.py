"""PURE: which source column is which known column, and where it should be."""

import dataclasses
from collections.abc import Mapping, Sequence

from snowpark.columns.alignment import Rules, Slot, Source
from snowpark.columns.column import LoadColumn
from snowpark.columns.shape import KnownColumn, Shape
from snowpark.errors import DriftError
from snowpark.sql import quote


def parking_place(column: KnownColumn) -> str:
    """Returns the name of a column that waits until its next one is free."""
    return f"_SYNC_MOVING_{column.attnum}"


def paired(
    source: Source, shape: Shape, rules: Rules
) -> tuple[list[Slot], list[KnownColumn]]:
    """Finds for each source column the column that it was; the rest is gone.

    A relation that was dropped and created again numbers its columns from 1 again: then
    names are all there is.
    """
    by_number = shape.relation_id == source.relation_id != 0
    known: dict[int | str, KnownColumn] = {}
    order = ("loaded", "ignored", "dropped")
    for candidate in sorted(shape.columns, key=lambda c: order.index(c.state)):
        known.setdefault(candidate.attnum if by_number else candidate.name, candidate)
    slots, found = [], set()
    for column in source.columns:
        identity = column.source.attnum if by_number else column.source.name
        was = known.get(identity) if column.loaded else None
        found.add(was)
        slots.append(Slot(column, was, _goal(column, was, rules), column.name))
    return slots, [c for c in shape.columns if c not in found]


def _goal(column: LoadColumn, was: KnownColumn | None, rules: Rules) -> str:
    """Returns the target column that a source column should be in.

    A frozen target keeps its names, and a renamed column goes on filling its own.
    """
    if was is None or was.state == "ignored" or was.target == parking_place(was):
        return column.name
    if was.base == column.name or rules.drift == "freeze":
        return was.target
    return column.name


def located(source: Source, shape: Shape) -> tuple[LoadColumn, ...]:
    """Returns the columns under the names that the target had with the last commit."""
    slots, _ = paired(source, shape, Rules(drift="freeze", type_change="fail"))
    return tuple(slot.column.renamed(slot.goal) for slot in slots)


def check_key(source: Source, shape: Shape) -> None:
    """Refuses another key: rows of the target could not be found by it.

    Raises:
        DriftError: "key_changed".
    """
    if not shape.key:
        return
    before: list[int | str] = list(shape.key)
    now: list[int | str] = list(source.key)
    if shape.relation_id == source.relation_id != 0:
        numbers = {c.name: c.attnum for c in shape.columns if c.state == "loaded"}
        before = [numbers.get(name, name) for name in shape.key]
        numbers = {c.source.name: c.source.attnum for c in source.columns}
        now = [numbers.get(name, name) for name in source.key]
    if sorted(map(repr, before)) != sorted(map(repr, now)):
        if sorted(shape.key) == sorted(source.key):
            raise DriftError(
                "key_changed",
                f"Key {_listed(source.key)} has a column that was replaced by another"
                " of the same name; old rows were identified by values that are gone.",
            )
        raise DriftError(
            "key_changed",
            f"Rows were identified by {_listed(shape.key)}; now it would be"
            f" {_listed(source.key)}.",
        )


def check_protection(slots: Sequence[Slot]) -> None:
    """Refuses to mix values that are protected in different ways.

    Raises:
        DriftError: "protection_changed".
    """
    for slot in slots:
        if slot.known is None or slot.known.state != "loaded":
            continue
        if slot.known.protection != slot.column.source.protection:
            raise DriftError(
                "protection_changed",
                f"Column {quote(slot.known.name)} is protected in another way than its"
                " values in the target, or hashed with another key.",
            )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quote(name) for name in names) or "nothing"


def ignore(
    slots: list[Slot], shape: Shape, existing: Mapping[str, str], rules: Rules
) -> None:
    """Takes new columns out if the target is frozen.

    A column that a person added to the target by hand is taken for the new one.
    """
    if rules.drift != "freeze" or not shape.columns:
        return
    owned = {c.target for c in shape.columns if c.state != "ignored"}
    for slot in slots:
        if not (slot.is_new and slot.column.loaded):
            continue
        if slot.goal in existing and slot.goal not in owned:
            continue
        # Its name may be that of a column that was renamed in the source.
        slot.goal = f"_SYNC_IGNORED_{slot.column.source.attnum}"
        renamed = slot.column.renamed(slot.goal)
        slot.column = dataclasses.replace(renamed, ignored=True)


def check_goals(slots: list[Slot]) -> None:
    """Refuses two source columns in one target column.

    Raises:
        DriftError: "column_collision".
    """
    seen: dict[str, Slot] = {}
    for slot in slots:
        other = seen.setdefault(slot.goal, slot)
        if other is not slot:
            raise DriftError(
                "column_collision",
                f"Source columns {quote(other.column.source.name)} and"
                f" {quote(slot.column.source.name)} are both {quote(slot.goal)} in"
                " Snowflake.",
            )
