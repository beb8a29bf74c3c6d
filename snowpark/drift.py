"""PURE: what has to happen to a target so that it takes the source's columns.

What changed is told by comparing the source with the shape of the last commit; what has
to be done, by comparing it with the target as it is. The two may differ: DDL commits by
itself, so a run that was killed leaves a target that is ahead of the shape. Every name
that is given here says which column it belongs to, so that the next run can see how far
the killed one came, and records what that one could not.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from snowpark.columns import LoadColumn, family, fits, widened
from snowpark.errors import DriftError
from snowpark.identifiers import DELETED_AT, OWN_COLUMNS, quote
from snowpark.model import Drift, TableSettings, TypeChange
from snowpark.shape import Change, ChangeKind, KnownColumn, Shape

_LONGEST_STEM = 200


@dataclass(frozen=True)
class Source:
    """What the source is like now.

    Attributes:
        columns: In file order, named as the configuration says, fillers included.
        key: Source columns that identify a row.
        relation: pg_class.oid.
    """

    columns: tuple[LoadColumn, ...]
    key: tuple[str, ...]
    relation: int


@dataclass(frozen=True)
class Rules:
    """How far the target follows.

    Attributes:
        excluded: Source columns that the configuration leaves out.
        backfill: True where a new column is read for the rows that are there already.
        reload: True where every row of the target is about to be replaced.
        rebuild: True where a person asked for that, so that types may change.
    """

    drift: Drift
    type_change: TypeChange
    excluded: tuple[str, ...] = ()
    backfill: bool = False
    reload: bool = False
    rebuild: bool = False

    @classmethod
    def of(
        cls, settings: TableSettings, *, reload: bool = False, rebuild: bool = False
    ) -> "Rules":
        """Returns the rules of a table."""
        return cls(
            drift=settings.schema_drift,
            type_change=settings.type_change,
            excluded=settings.exclude,
            backfill=settings.backfill_new_columns,
            reload=reload,
            rebuild=rebuild,
        )


@dataclass(frozen=True)
class Alignment:
    """What has to happen to the target before it can take these columns.

    Attributes:
        columns: All columns of the files, named as the target has them from then on.
        shape: To be committed with the rows.
        create: True where there is no target yet.
        parked: Columns that exchange their names leave them first. This shape has to
            be recorded after that, and the alignment made again from it: from the
            names alone nobody could tell whether the exchange has happened.
        renames: (old, new) in this order.
        add: (column, type) to add.
        widen: (column, type) to alter.
        blanks: Target columns without a source column; NULL in every row written.
        changes: To be recorded with the rows.
        missing_values: True where rows of the target lack the values of a column that
            they have in the source, and should not.
        lacks_deleted_at: True where the target has no _SYNC_DELETED_AT.
    """

    columns: tuple[LoadColumn, ...]
    shape: Shape
    create: bool = False
    parked: Shape | None = None
    renames: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    widen: tuple[tuple[str, str], ...] = ()
    blanks: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    missing_values: bool = False
    lacks_deleted_at: bool = False

    def done(self) -> "Alignment":
        """Returns what is left of it once it was carried out and committed."""
        return Alignment(columns=self.columns, shape=self.shape, blanks=self.blanks)


@dataclass
class _Slot:
    """One source column, the column that it was, and the target column it gets."""

    column: LoadColumn
    known: KnownColumn | None
    goal: str
    base: str

    @property
    def is_new(self) -> bool:
        """True where no target column has held its values so far."""
        return self.known is None or self.known.state == "ignored"

    @property
    def moves(self) -> bool:
        """True where its target column gets another name."""
        return (
            self.known is not None
            and not self.is_new
            and (self.goal != self.known.target)
        )


@dataclass
class _Draft:
    """An alignment while it is made; `existing` is the target after its steps."""

    existing: dict[str, str]
    shape: Shape
    rules: Rules
    key: tuple[str, ...]
    renames: list[tuple[str, str]] = field(default_factory=list)
    add: list[tuple[str, str]] = field(default_factory=list)
    widen: list[tuple[str, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    loaded: list[KnownColumn] = field(default_factory=list)
    left: list[KnownColumn] = field(default_factory=list)
    missing_values: bool = False

    def rename(self, old: str, new: str) -> None:
        """Gives a target column another name."""
        self.renames.append((old, new))
        self.existing[new] = self.existing.pop(old)

    def note(
        self,
        kind: ChangeKind,
        slot: _Slot,
        *,
        old_column: str | None = None,
        old_type: str | None = None,
        new_type: str | None = None,
    ) -> None:
        """Records a change of a source column."""
        source = slot.column.source
        change = Change(
            kind,
            source.name,
            source.attnum,
            target=None if slot.column.ignored else slot.column.name,
            old_column=old_column,
            source_type=source.type,
            old_type=old_type,
            new_type=new_type or source.snowflake_type,
        )
        self.changes.append(change)

    def refuse(self, message: str) -> None:
        """Raises where the policy follows nothing."""
        if self.rules.drift == "fail":
            raise DriftError("schema_drift", message)

    def is_free(self, name: str, kind: str) -> bool:
        """True for a name nobody has, or that a killed run gave to such a column."""
        known = {c.target for c in self.shape.columns}
        taken = {c.target for c in (*self.loaded, *self.left)}
        if name not in self.existing:
            return name not in taken
        return name not in known | taken and fits(kind, self.existing[name])


def align(
    source: Source, existing: Mapping[str, str] | None, shape: Shape, rules: Rules
) -> Alignment:
    """Compares the source with the last commit and with the target.

    Args:
        existing: Target column -> type, as DESCRIBE TABLE prints it; None: no target.
        shape: Of the last commit; without columns where nothing is known.

    Raises:
        DriftError: A type changed in a way Snowflake cannot follow, the policy refuses,
            or the target has been altered in a way that leaves no choice.
    """
    if existing is None:
        return _created(source, shape.emptied())
    known = _still_there(shape, existing)
    slots, gone = _paired(source, known, rules)
    if not rules.reload:
        _check_key(source, known)
        _check_protection(slots)
    draft = _Draft(dict(existing), known, rules, source.key)
    parked = _parked(draft, slots)
    _ignore(draft, slots)
    _check_goals(slots)
    if parked is not None:
        following = align(source, draft.existing, parked, rules)
        renames = tuple(draft.renames)
        return dataclasses.replace(
            following, parked=parked, renames=renames, add=(), widen=()
        )
    gone = _set_aside(draft, slots, gone)
    for slot in slots:
        _settle(draft, slot)
    _leave(draft, gone)
    columns = (*draft.loaded, *draft.left)
    return Alignment(
        columns=tuple(slot.column for slot in slots),
        shape=shape.followed_by(source.relation, source.key, columns),
        renames=tuple(draft.renames),
        add=tuple(draft.add),
        widen=tuple(draft.widen),
        blanks=tuple(column.target for column in draft.left),
        changes=tuple(draft.changes),
        missing_values=draft.missing_values and not rules.reload,
        lacks_deleted_at=DELETED_AT not in existing,
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
        shape=shape.followed_by(source.relation, source.key, known),
        create=True,
        changes=changes,
    )


def _known(column: LoadColumn, base: str) -> KnownColumn:
    return KnownColumn(
        attnum=column.source.attnum,
        name=column.source.name,
        base=base,
        target=column.name,
        type=column.source.snowflake_type,
        state="ignored" if column.ignored else "loaded",
        protection=column.source.protection,
    )


# --- who is who -----------------------------------------------------------------------


def _still_there(shape: Shape, existing: Mapping[str, str]) -> Shape:
    """Forgets dropped columns that somebody has taken out of the target."""
    columns = tuple(
        c
        for c in shape.columns
        if c.state != "dropped" or c.target in existing or _aside(c) in existing
    )
    return dataclasses.replace(shape, columns=columns)


def _paired(
    source: Source, shape: Shape, rules: Rules
) -> tuple[list[_Slot], list[KnownColumn]]:
    """Finds for each source column the column that it was; the rest is gone.

    A relation that was dropped and created again numbers its columns anew: then names
    are all there is.
    """
    by_number = shape.relation == source.relation != 0
    known: dict[int | str, KnownColumn] = {}
    order = ("loaded", "ignored", "dropped")
    for candidate in sorted(shape.columns, key=lambda c: order.index(c.state)):
        known.setdefault(candidate.attnum if by_number else candidate.name, candidate)
    slots, found = [], set()
    for column in source.columns:
        identity = column.source.attnum if by_number else column.source.name
        was = known.get(identity) if column.loaded else None
        found.add(was)
        slots.append(_Slot(column, was, _goal(column, was, rules), column.name))
    return slots, [c for c in shape.columns if c not in found]


def _goal(column: LoadColumn, was: KnownColumn | None, rules: Rules) -> str:
    """Returns the target column that a source column should be in.

    A frozen target keeps its names, and a renamed column goes on filling its own.
    """
    if was is None or was.state == "ignored" or was.target == _parking_place(was):
        return column.name
    if was.base == column.name or rules.drift == "freeze":
        return was.target
    return column.name


def located(source: Source, shape: Shape) -> tuple[LoadColumn, ...]:
    """Returns the columns under the names that the target had with the last commit."""
    slots, _ = _paired(source, shape, Rules(drift="freeze", type_change="fail"))
    return tuple(slot.column.renamed(slot.goal) for slot in slots)


def _check_key(source: Source, shape: Shape) -> None:
    """Refuses another key: rows of the target could not be found by it.

    Raises:
        DriftError: "key_changed".
    """
    if not shape.key:
        return
    before: list[int | str] = list(shape.key)
    now: list[int | str] = list(source.key)
    if shape.relation == source.relation != 0:
        numbers = {c.name: c.attnum for c in shape.columns if c.state == "loaded"}
        before = [numbers.get(name, name) for name in shape.key]
        numbers = {c.source.name: c.source.attnum for c in source.columns}
        now = [numbers.get(name, name) for name in source.key]
    if sorted(map(repr, before)) != sorted(map(repr, now)):
        raise DriftError(
            "key_changed",
            f"Rows were identified by {_listed(shape.key)}; now it would be"
            f" {_listed(source.key)}.",
        )


def _check_protection(slots: Sequence[_Slot]) -> None:
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


def _ignore(draft: _Draft, slots: list[_Slot]) -> None:
    """Takes new columns out where the target is frozen.

    A column that a person added to the target by hand is taken for the new one.
    """
    owned = {c.target for c in draft.shape.columns if c.state != "ignored"}
    for slot in slots:
        frozen = draft.rules.drift == "freeze" and draft.shape.columns
        if not (frozen and slot.is_new and slot.column.loaded):
            continue
        if slot.goal in draft.existing and slot.goal not in owned:
            continue
        # Its name may be that of a column that was renamed in the source.
        slot.goal = f"_SYNC_IGNORED_{slot.column.source.attnum}"
        renamed = slot.column.renamed(slot.goal)
        slot.column = dataclasses.replace(renamed, ignored=True)


def _check_goals(slots: list[_Slot]) -> None:
    seen: dict[str, _Slot] = {}
    for slot in slots:
        other = seen.setdefault(slot.goal, slot)
        if other is not slot:
            raise DriftError(
                "column_collision",
                f"Source columns {quote(other.column.source.name)} and"
                f" {quote(slot.column.source.name)} are both {quote(slot.goal)} in"
                " Snowflake.",
            )


# --- exchanged names ------------------------------------------------------------------


def _parking_place(column: KnownColumn) -> str:
    return f"_SYNC_MOVING_{column.attnum}"


def _place(draft: _Draft, column: KnownColumn) -> str | None:
    """Returns where a known column is in the target now; None: it is not there."""
    for name in (_parking_place(column), column.target):
        if name in draft.existing:
            return name
    return None


def _parked(draft: _Draft, slots: list[_Slot]) -> Shape | None:
    """Moves columns out of the way whose names other columns get."""
    moving = [slot for slot in slots if slot.moves]
    leaving = {slot.known.target for slot in moving if slot.known}
    if not any(slot.goal in leaving for slot in slots):
        return None
    draft.refuse(f"Column {quote(moving[0].column.source.name)} was renamed.")
    places: dict[KnownColumn, str] = {}
    for slot in moving:
        if slot.known is None:
            continue
        places[slot.known] = place = _parking_place(slot.known)
        if place not in draft.existing and slot.known.target in draft.existing:
            draft.rename(slot.known.target, place)
    columns = tuple(
        dataclasses.replace(c, target=places.get(c, c.target))
        for c in draft.shape.columns
    )
    shape = draft.shape
    return shape.followed_by(shape.relation, shape.key, columns)


# --- names that are taken -------------------------------------------------------------


def _aside(column: KnownColumn) -> str:
    return f"{column.target[:_LONGEST_STEM]}__OLD_{column.attnum}"


def _set_aside(
    draft: _Draft, slots: list[_Slot], gone: list[KnownColumn]
) -> list[KnownColumn]:
    """Frees the names that source columns want and that dropped columns have.

    The rows that are there already have the dropped column's values: they must not
    pass for those of another column. Where all rows are replaced there are none.
    """
    taken = {c.target: c for c in gone if c.state != "ignored"}
    moved: dict[KnownColumn, KnownColumn | None] = {}
    for slot in slots:
        old = taken.get(slot.goal)
        if old is None or slot.column.ignored or not slot.column.loaded:
            continue
        aside = _aside(old)
        if old.target in draft.existing and aside not in draft.existing:
            if _takes_over(draft, slot):
                moved[old] = None
                if old.state == "loaded":
                    draft.changes.append(_gone(draft, old, None))
                continue
            draft.refuse(f"Column {quote(slot.column.source.name)} is another one now.")
            draft.rename(old.target, aside)
        moved[old] = dataclasses.replace(old, target=aside)
        if aside in draft.existing:
            change = Change("moved", old.name, old.attnum, target=aside)
            draft.changes.append(dataclasses.replace(change, old_type=old.type))
    now = [moved.get(c, c) for c in gone]
    return [c for c in now if c is not None]


def _takes_over(draft: _Draft, slot: _Slot) -> bool:
    """True where all values are replaced, so that the column may be used again."""
    held = slot.known is not None and not slot.is_new
    if not draft.rules.reload or (slot.known and held and _place(draft, slot.known)):
        return False
    return fits(slot.column.source.snowflake_type, draft.existing[slot.goal])


# --- one column -----------------------------------------------------------------------


def _settle(draft: _Draft, slot: _Slot) -> None:
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
            base = was.base
    if column.source.role == "source":
        draft.loaded.append(_known(slot.column, base))


def _follow_name(draft: _Draft, slot: _Slot) -> None:
    was = slot.known
    if was is None or slot.is_new:
        return
    place = _place(draft, was)
    if place is not None and place != slot.goal:
        if slot.goal in draft.existing:
            raise DriftError(
                "rename_conflict",
                f"Column {quote(was.name)} is called {quote(slot.column.source.name)}"
                f" now, but the target has {quote(place)} and {quote(slot.goal)}.",
            )
        draft.refuse(f"Column {quote(was.name)} was renamed.")
        draft.rename(place, slot.goal)
    followed = was.base != slot.base and draft.rules.drift != "freeze"
    if was.name != slot.column.source.name or followed:
        draft.note("renamed", slot, old_column=was.name, old_type=was.type)
    if was.state == "dropped":
        draft.note("returned", slot, old_type=was.type)
        draft.missing_values |= draft.rules.backfill


def _follow_type(draft: _Draft, slot: _Slot) -> None:
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


def _note_type(draft: _Draft, slot: _Slot) -> None:
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


def _add(draft: _Draft, slot: _Slot) -> None:
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


def _new_or_returned(draft: _Draft, slot: _Slot) -> ChangeKind:
    name = slot.column.source.name
    dropped = {c.name for c in draft.shape.columns if c.state == "dropped"}
    return "returned" if name in dropped else "added"


def _refuse_new_key(draft: _Draft, slot: _Slot) -> None:
    """Refuses a key column that is empty in the target: its rows would be doubled."""
    if slot.column.source.name in draft.key and not draft.rules.reload:
        raise DriftError(
            "key_changed",
            f"Key column {quote(slot.column.source.name)} would be new in the target.",
        )


def _change_type(draft: _Draft, slot: _Slot, there: str) -> None:
    new, name = slot.column.source.snowflake_type, slot.column.source.name
    new_column = draft.rules.type_change == "new_column"
    if draft.rules.rebuild:
        # All values are replaced; until then they stay, should the reload fail.
        aside = _free(draft, f"{slot.goal[:_LONGEST_STEM]}__OLD", there)
        draft.rename(slot.goal, aside)
        draft.left.append(_left_behind(slot, aside, there))
    elif new_column and draft.rules.drift == "evolve":
        _refuse_new_key(draft, slot)
        draft.left.append(_left_behind(slot, slot.goal, there))
        stem = f"{slot.goal[:_LONGEST_STEM]}__{family(new)}"
        slot.goal = _free(draft, stem, new)
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


def _left_behind(slot: _Slot, target: str, kind: str) -> KnownColumn:
    was = slot.known or _known(slot.column, slot.column.name)
    return dataclasses.replace(was, target=target, type=kind, state="dropped")


def _free(draft: _Draft, stem: str, kind: str) -> str:
    """Returns the stem, or the stem with the first number that makes it free."""
    number, name = 1, stem
    while not draft.is_free(name, kind):
        number += 1
        name = f"{stem}_{number}"
    return name


# --- what is gone ---------------------------------------------------------------------


def _leave(draft: _Draft, gone: list[KnownColumn]) -> None:
    """Keeps dropped columns in the target; each is recorded once."""
    for column in gone:
        there = column.target in draft.existing
        if column.state == "loaded":
            if there:
                draft.refuse(f"Column {quote(column.name)} is gone.")
            draft.changes.append(_gone(draft, column, column.target if there else None))
        if there and column.state != "ignored" and column.target not in OWN_COLUMNS:
            draft.left.append(dataclasses.replace(column, state="dropped"))


def _gone(draft: _Draft, column: KnownColumn, target: str | None) -> Change:
    excluded = column.name in draft.rules.excluded
    return Change(
        "excluded" if excluded else "dropped",
        column.name,
        column.attnum,
        target=target,
        old_type=column.type,
    )
