"""PURE: what has to happen to a target so that it takes the source's columns.

What changed is found by comparing the source with the shape of the last commit; what
has to be done, by comparing it with the target as it is. The two may differ: DDL
commits by itself, so a run that was killed leaves a target that is ahead of the shape.
Before a column gets another name, an intent is committed that says so; the next run
finds out from it how far the killed one came, and records what that one could not.
"""

import dataclasses
from collections.abc import Mapping

from snowpark.columns.alignment import Alignment, Draft, Rules, Slot, Source
from snowpark.columns.column import LoadColumn
from snowpark.columns.pairing import (
    check_goals,
    check_key,
    check_protection,
    ignore,
    paired,
    parking_place,
)
from snowpark.columns.shape import Change, ChangeKind, KnownColumn, Shape
from snowpark.columns.types import family, fits, widened
from snowpark.errors import DriftError
from snowpark.names import DELETED_AT, IS_CURRENT
from snowpark.sql import quote

_LONGEST_STEM = 200


def align(
    source: Source, existing: Mapping[str, str] | None, shape: Shape, rules: Rules
) -> Alignment:
    """Compares the source with the last commit and with the target.

    Args:
        existing: Target column -> type, as DESCRIBE TABLE prints it; None: no target.
        shape: Of the last commit; without columns if nothing is known.

    Raises:
        DriftError: A type changed in a way Snowflake cannot follow, the policy refuses,
            or the target has been altered in a way that leaves no choice.
    """
    if existing is None:
        return _created(source, shape.emptied())
    _check_history(existing, rules)
    known = shape.found_in(existing)
    slots, gone = paired(source, known, rules)
    if not rules.replaces:
        _check_key(source, known, rules)
    if not rules.reload:
        check_protection(slots)
    ignore(slots, known, existing, rules)
    check_goals(slots)
    goals = frozenset(slot.goal for slot in slots)
    draft = Draft(dict(existing), known, rules, source.key, goals)
    gone = _make_way(draft, slots, gone)
    if draft.moves:
        return _first_step(draft, source)
    for slot in slots:
        _settle(draft, slot)
    _leave(draft, gone)
    # A killed run's names have been found out; what is added now may be called like
    # them.
    unsure = known.columns != shape.columns and bool(draft.add)
    intent = draft.intent() if draft.moves or unsure else None
    columns = (*draft.loaded, *draft.left)
    return Alignment(
        columns=tuple(slot.column for slot in slots),
        shape=(intent or shape).followed_by(source.relation_id, source.key, columns),
        intent=intent,
        renames=tuple(draft.renames),
        add=tuple(draft.add),
        widen=tuple(draft.widen),
        blanks=tuple(column.target for column in draft.left),
        changes=tuple(draft.changes),
        missing_values=draft.missing_values and not rules.reload,
        lacks_deleted_at=DELETED_AT not in existing,
        lacks_history=IS_CURRENT not in existing,
        drops_history=IS_CURRENT in existing and not rules.history,
    )


def _check_key(source: Source, known: Shape, rules: Rules) -> None:
    try:
        check_key(source, known)
    except DriftError as error:
        if not rules.history:
            raise
        raise DriftError("history_key_changed", error.message) from error


def _check_history(existing: Mapping[str, str], rules: Rules) -> None:
    """Refuses to treat versions as rows: a key has several of them.

    Raises:
        DriftError: "history_kept".
    """
    if IS_CURRENT in existing and not rules.history and not rules.drop_history:
        raise DriftError(
            "history_kept",
            "The target holds the history of its rows, and the configuration has no"
            ' "history" (any more).',
        )


def _first_step(draft: Draft, source: Source) -> Alignment:
    """Returns the alignment that frees names, with all that is known of the next."""
    intent = draft.intent()
    following = align(source, draft.existing, intent, draft.rules)
    return dataclasses.replace(
        following,
        intent=intent,
        told=tuple(change for change in draft.changes if change.change == "moved"),
        again=True,
        renames=tuple(draft.renames),
        add=(),
        widen=(),
    )


def _created(source: Source, shape: Shape) -> Alignment:
    loaded = [column for column in source.columns if column.loaded]
    known = tuple(_known(column, column.name) for column in loaded)
    changes = tuple(
        Change(
            "created",
            c.source.name,
            c.source.attnum,
            target=c.name,
            source_type=c.source.type,
            new_type=c.source.snowflake_type,
        )
        for c in loaded
    )
    return Alignment(
        columns=source.columns,
        shape=shape.followed_by(source.relation_id, source.key, known),
        create=True,
        changes=changes,
    )


def _known(column: LoadColumn, base: str, since: str = "") -> KnownColumn:
    return KnownColumn(
        attnum=column.source.attnum,
        name=column.source.name,
        base=base,
        target=column.name,
        type=column.source.snowflake_type,
        state="ignored" if column.ignored else "loaded",
        protection=column.source.protection,
        since=since,
    )


# --- names that are taken -------------------------------------------------------------


def _make_way(
    draft: Draft, slots: list[Slot], gone: list[KnownColumn]
) -> list[KnownColumn]:
    """Frees the names that source columns want and that other columns have.

    Columns that get each other's names leave theirs first. A dropped column's values
    are still in the rows that are there already, and must not pass for those of
    another: it is set aside, unless all rows are replaced.

    Returns:
        The columns that are gone, without those whose place is taken over.
    """
    moving = {s.known.target: s.known for s in slots if s.known and s.moves}
    dropped = {c.target: c for c in gone if c.state != "ignored"}
    taken_over = set()
    clash = False
    for slot in slots:
        clash |= slot.goal in moving
        old = dropped.get(slot.goal)
        if old is None or not slot.column.loaded or draft.place(old) is None:
            continue
        if _takes_over(draft, slot):
            taken_over.add(old)
            if old.state == "loaded":
                draft.changes.append(_gone(draft, old, None))
            continue
        draft.refuse(f"Column {quote(slot.column.source.name)} is another one now.")
        _set_aside(draft, old)
    if clash:
        _park(draft, list(moving.values()))
    return [c for c in gone if c not in taken_over]


def _takes_over(draft: Draft, slot: Slot) -> bool:
    """True if all values are replaced, so that the column may be used again."""
    if not draft.rules.replaces:
        return False
    if slot.known and not slot.is_new and draft.place(slot.known):
        return False
    return fits(slot.column.source.snowflake_type, draft.existing[slot.goal])


def _aside(column: KnownColumn) -> str:
    return (
        f"{(column.base or column.name.upper())[:_LONGEST_STEM]}__OLD_{column.attnum}"
    )


def _set_aside(draft: Draft, old: KnownColumn) -> None:
    aside = draft.free_name(_aside(old))
    draft.move(old, aside)
    change = Change("moved", old.name, old.attnum, target=aside, old_type=old.type)
    draft.changes.append(change)


def _park(draft: Draft, moving: list[KnownColumn]) -> None:
    for column in moving:
        draft.refuse(f"Column {quote(column.name)} was renamed.")
        if draft.place(column):
            draft.move(column, draft.free_name(parking_place(column)))


# --- one column -----------------------------------------------------------------------


def _settle(draft: Draft, slot: Slot) -> None:
    """Decides what one source column needs."""
    column, was, base = slot.column, slot.known, slot.base
    if column.ignored:
        if was is None:
            draft.note("ignored", slot)
    elif column.loaded:
        slot.column = column.renamed(slot.goal)
        _follow_name(draft, slot)
        _follow_type(draft, slot)
        if was and not slot.is_new and draft.rules.drift == "freeze":
            # Kept, so that the name is followed once the target is not frozen any more.
            base = was.base or base
    if column.source.role == "source":
        since = was.since if was and not slot.is_new else ""
        draft.loaded.append(_known(slot.column, base, since))


def _follow_name(draft: Draft, slot: Slot) -> None:
    was = slot.known
    if was is None or slot.is_new:
        return
    place = draft.place(was)
    if place is not None and place != slot.goal:
        if slot.goal in draft.existing:
            raise DriftError(
                "rename_conflict",
                f"Column {quote(was.name)} is called {quote(slot.column.source.name)}"
                f" now, but the target has {quote(place)} and {quote(slot.goal)}.",
            )
        draft.refuse(f"Column {quote(was.name)} was renamed.")
        draft.move(was, slot.goal)
    followed = was.base not in ("", slot.base) and draft.rules.drift != "freeze"
    if was.name != slot.column.source.name or followed:
        draft.note("renamed", slot, old_column=was.name, old_type=was.type)
    if was.state == "dropped":
        draft.note("returned", slot, old_type=was.type)
        draft.missing_values |= draft.rules.backfill


def _follow_type(draft: Draft, slot: Slot) -> None:
    new = slot.column.source.snowflake_type
    there = draft.existing.get(slot.goal)
    if there is None:
        _add(draft, slot)
    elif fits(new, there):
        slot.column = slot.column.held_by(there)
        _note_type(draft, slot)
    elif (wider := widened(there, new)) is not None:
        if draft.rules.drift != "evolve" and draft.shape.columns:
            raise DriftError(
                "schema_drift",
                f"Column {quote(slot.column.source.name)} is wider.",
            )
        draft.widen.append((slot.goal, wider))
        draft.note("widened", slot, old_type=there, new_type=wider)
    else:
        _change_type(draft, slot, there)


def _note_type(draft: Draft, slot: Slot) -> None:
    """Records what fits the target: narrower types, and what a killed run has done."""
    new, was = slot.column.source.snowflake_type, slot.known
    if was is None or slot.is_new:
        if draft.shape.columns:
            draft.note(_new_or_returned(draft, slot), slot)
            draft.missing_values |= draft.rules.backfill
        return
    if was.type == new:
        return
    kind: ChangeKind = "narrowed"
    if not fits(new, was.type):
        kind = "widened" if widened(was.type, new) else "type_changed"
    draft.note(kind, slot, old_type=was.type)


def _add(draft: Draft, slot: Slot) -> None:
    source = slot.column.source
    kind: ChangeKind = "restored"
    if slot.is_new:
        if draft.shape.columns:
            draft.refuse(f"Column {quote(source.name)} is new.")
        kind = _new_or_returned(draft, slot)
    _refuse_new_key(draft, slot)
    draft.add.append((slot.goal, source.snowflake_type))
    draft.existing[slot.goal] = source.snowflake_type
    draft.note(kind, slot)
    # What the target has lost, it has to get again, whatever the policy.
    draft.missing_values |= kind == "restored" or draft.rules.backfill


def _new_or_returned(draft: Draft, slot: Slot) -> ChangeKind:
    name = slot.column.source.name
    dropped = {c.name for c in draft.shape.columns if c.state == "dropped"}
    return "returned" if name in dropped else "added"


def _refuse_new_key(draft: Draft, slot: Slot) -> None:
    """Refuses a key column that is empty in the target: its rows would be doubled."""
    if slot.column.source.name in draft.key and not draft.rules.replaces:
        raise DriftError(
            "key_changed",
            f"Key column {quote(slot.column.source.name)} would be new in the target.",
        )


def _change_type(draft: Draft, slot: Slot, there: str) -> None:
    new, name = slot.column.source.snowflake_type, slot.column.source.name
    new_column = draft.rules.type_change == "new_column"
    if draft.rules.rebuild:
        # All values are replaced; until then they stay, should the reload fail.
        aside = draft.free_name(f"{slot.goal[:_LONGEST_STEM]}__OLD")
        draft.rename(slot.goal, aside)
        draft.left.append(_left_behind(slot, aside, there))
    elif new_column and draft.rules.drift == "evolve":
        _refuse_new_key(draft, slot)
        draft.left.append(_left_behind(slot, slot.goal, there))
        stem = f"{slot.goal[:_LONGEST_STEM]}__{family(new)}"
        slot.goal = stem
        if not draft.is_unclaimed(stem, new):
            slot.goal = draft.free_name(stem)
        slot.column = slot.column.renamed(slot.goal)
        draft.missing_values |= draft.rules.backfill
    else:
        raise DriftError(
            "type_changed",
            f"Column {quote(name)} is {there} in the target and would have to be"
            f" {new}; Snowflake cannot alter that.",
        )
    if slot.goal not in draft.existing:
        draft.add.append((slot.goal, new))
        draft.existing[slot.goal] = new
    draft.note("type_changed", slot, old_type=there)


def _left_behind(slot: Slot, target: str, kind: str) -> KnownColumn:
    was = slot.known or _known(slot.column, slot.column.name)
    return dataclasses.replace(was, target=target, type=kind, state="dropped")


# --- what is gone ---------------------------------------------------------------------


def _leave(draft: Draft, gone: list[KnownColumn]) -> None:
    """Keeps dropped columns in the target; each is recorded once."""
    for column in gone:
        there = draft.place(column)
        if there == parking_place(column):
            there = draft.free_name(_aside(column))
            draft.move(column, there)
        if column.state == "loaded":
            if there:
                draft.refuse(f"Column {quote(column.name)} is gone.")
            draft.changes.append(_gone(draft, column, there))
        if there and column.state != "ignored":
            kept = dataclasses.replace(column, target=there, state="dropped")
            draft.left.append(kept)


def _gone(draft: Draft, column: KnownColumn, target: str | None) -> Change:
    excluded = column.name in draft.rules.excluded
    return Change(
        "excluded" if excluded else "dropped",
        column.name,
        column.attnum,
        target=target,
        old_type=column.type,
    )
