"""PURE: the values of an alignment: source, rules, the outcome, and its draft."""

import dataclasses
from dataclasses import dataclass, field

from snowpark.columns.column import LoadColumn
from snowpark.columns.shape import Change, ChangeKind, KnownColumn, Shape
from snowpark.columns.types import fits
from snowpark.errors import DriftError
from snowpark.settings.table import Drift, TableSettings, TypeChange


@dataclass(frozen=True)
class Source:
    """What the source is like now.

    Attributes:
        columns: In file order, named as the configuration says, fillers included.
        key: Source columns that identify a row.
        relation_id: pg_class.oid.
    """

    columns: tuple[LoadColumn, ...]
    key: tuple[str, ...]
    relation_id: int


@dataclass(frozen=True)
class Rules:
    """How far the target follows.

    Attributes:
        excluded: Source columns that the configuration leaves out.
        backfill: True if a new column is read for the rows that are there already.
        reload: True if every row of the target is about to be replaced.
        rebuild: True if a person asked for that, so that types may change.
        history: True if old versions keep their values whatever is loaded.
        drop_history: True if old versions may be removed.
    """

    drift: Drift
    type_change: TypeChange
    excluded: tuple[str, ...] = ()
    backfill: bool = False
    reload: bool = False
    rebuild: bool = False
    history: bool = False
    drop_history: bool = False

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
            history=settings.history,
            drop_history=settings.drop_history,
        )

    @property
    def replaces(self) -> bool:
        """True if no value of the target stays."""
        return self.reload and not self.history


@dataclass(frozen=True)
class Alignment:
    """What has to happen to the target before it can take these columns.

    Attributes:
        columns: All columns of the files, named as the target has them from then on.
        shape: To be committed with the rows.
        create: True if there is no target yet.
        intent: Has to be committed before the renames: it says where each column goes,
            so that a run that finds the target half altered knows which is which.
        told: Changes to be recorded with the intent.
        again: True if columns only get out of each other's way. The alignment is
            made again, from the intent, once they have.
        renames: (old, new) in this order.
        add: (column, type) to add.
        widen: (column, type) to alter.
        blanks: Target columns without a source column; NULL in every row written.
        changes: To be recorded with the rows.
        missing_values: True if rows of the target lack the values of a column that
            they have in the source, and should not.
        lacks_deleted_at: True if the target has no _SYNC_DELETED_AT.
        lacks_history: True if the target's rows are no versions yet.
        drops_history: True if old versions have to go first.
        keyed: Columns of the target's PRIMARY KEY.
    """

    columns: tuple[LoadColumn, ...]
    shape: Shape
    create: bool = False
    intent: Shape | None = None
    told: tuple[Change, ...] = ()
    again: bool = False
    renames: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    widen: tuple[tuple[str, str], ...] = ()
    blanks: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    missing_values: bool = False
    lacks_deleted_at: bool = False
    lacks_history: bool = False
    drops_history: bool = False
    keyed: frozenset[str] = frozenset()

    @property
    def fresh(self) -> frozenset[str]:
        """Target columns whose values the rows that are there already do not know."""
        return frozenset(c.target for c in self.changes if c.target and c.is_fresh)

    def done(self) -> "Alignment":
        """Returns what is left of it once it was carried out and committed."""
        return Alignment(
            columns=self.columns,
            shape=self.shape,
            blanks=self.blanks,
            keyed=self.keyed,
        )


@dataclass
class Slot:
    """One source column, the column that it was, and the target column it gets."""

    column: LoadColumn
    known: KnownColumn | None
    goal: str
    base: str

    @property
    def is_new(self) -> bool:
        """True if no target column has held its values so far."""
        return self.known is None or self.known.state == "ignored"

    @property
    def moves(self) -> bool:
        """True if its target column gets another name."""
        return (
            self.known is not None
            and not self.is_new
            and (self.goal != self.known.target)
        )


@dataclass
class Draft:
    """An alignment while it is made.

    Attributes:
        existing: The target after the steps so far.
        goals: Target columns that source columns get.
    """

    existing: dict[str, str]
    shape: Shape
    rules: Rules
    key: tuple[str, ...]
    goals: frozenset[str]
    renames: list[tuple[str, str]] = field(default_factory=list)
    moves: dict[KnownColumn, str] = field(default_factory=dict)
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

    def move(self, column: KnownColumn, new: str) -> None:
        """Gives a known column's target another name, as the intent will say."""
        self.rename(column.target, new)
        self.moves[column] = new

    def place(self, column: KnownColumn) -> str | None:
        """Returns where a known column is in the target; None: it is not there."""
        return column.target if column.target in self.existing else None

    def intent(self) -> Shape:
        """Returns the shape as it is, with the names that columns are about to get."""
        columns = tuple(
            dataclasses.replace(c, moving_to=self.moves.get(c, ""))
            for c in self.shape.columns
        )
        shape = self.shape
        return shape.followed_by(shape.relation_id, shape.key, columns)

    def note(
        self,
        kind: ChangeKind,
        slot: Slot,
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
        """Raises if the policy follows nothing."""
        if self.rules.drift == "fail":
            raise DriftError("schema_drift", message)

    def free_name(self, stem: str) -> str:
        """Returns a name that no target column has or is about to get.

        It is the stem, or the stem with the first number that makes it free.
        """
        number, name = 1, stem
        while name in self.existing or name in self.goals:
            number += 1
            name = f"{stem}_{number}"
        return name

    def is_unclaimed(self, name: str, kind: str) -> bool:
        """True for a column that a killed run has added for values of this type."""
        known = {c.target for c in (*self.shape.columns, *self.loaded, *self.left)}
        claimed = known | self.goals
        return (
            name in self.existing
            and name not in claimed
            and fits(kind, self.existing[name])
        )
