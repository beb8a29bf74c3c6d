"""PURE: what the last commit of a table knew about its columns, and how they changed.

A shape is the link between source columns and target columns. PostgreSQL's attribute
number is what tells a renamed column from one that was dropped and another that was
added; it means the same thing only within one relation.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from snowpark.columns.extras import Extras

State = Literal["loaded", "ignored", "dropped"]
ChangeKind = Literal[
    "created",
    "added",
    "ignored",
    "renamed",
    "widened",
    "narrowed",
    "type_changed",
    "dropped",
    "excluded",
    "moved",
    "returned",
    "restored",
    "source_changed",
]


@dataclass(frozen=True)
class KnownColumn:
    """One column as the last commit left it.

    Attributes:
        attnum: Attribute number in PostgreSQL; 0 if there is none.
        name: Column in the source.
        base: Target column that the configuration gives it; empty: not settled.
        target: Target column that holds it; another one than `base` if the first
            choice is taken by an older column.
        type: Snowflake type of the values that were loaded last.
        state: "loaded"; "ignored": not in the target, by policy; "dropped": in the
            target, without a column in the source any more.
        protection: How its values were protected, see `contract.Column`.
        moving_to: Name that the target column is about to get; empty: none.
        since: Versions of a history that were extracted before do not know its values;
            empty: all know them.
    """

    attnum: int
    name: str
    base: str
    target: str
    type: str
    state: State = "loaded"
    protection: str = ""
    moving_to: str = ""
    since: str = ""

    def found_in(self, existing: Mapping[str, str]) -> "KnownColumn":
        """Returns the column where it is, whether or not it was moved.

        Why it was moved is forgotten: its name is not the settled one for any `base`.
        """
        if not self.moving_to or self.target in existing:
            return dataclasses.replace(self, moving_to="")
        return dataclasses.replace(self, target=self.moving_to, base="", moving_to="")


@dataclass(frozen=True)
class Shape:
    """The columns of a table as the last commit left them.

    Attributes:
        generation: Grows by one with every shape of the table; 0: there is none.
        route: What it belongs to (see `TableSettings.route`).
        relation_id: pg_class.oid; attribute numbers belong to it.
        key: Source columns that identify a row.
        columns: In source order, those without a source column last.
        extras: What the target has beside its columns, as it was applied last.
    """

    generation: int = 0
    route: str = ""
    relation_id: int = 0
    key: tuple[str, ...] = ()
    columns: tuple[KnownColumn, ...] = ()
    extras: Extras = Extras()

    @property
    def unsettled(self) -> bool:
        """True if the next run has to look at the target, whatever it reads."""
        return self.pending or bool(self.extras.failed)

    @property
    def pending(self) -> bool:
        """True if a run was killed while it gave columns other names."""
        return any(column.moving_to for column in self.columns)

    @property
    def key_targets(self) -> tuple[str, ...]:
        """Target columns that identify a row, in the order of the key."""
        loaded = {c.name: c.target for c in self.columns if c.state == "loaded"}
        return tuple(loaded[name] for name in self.key if name in loaded)

    def of(self, route: str) -> "Shape":
        """Returns the shape if it belongs to an route, else an empty one."""
        if self.route == route:
            return self
        return Shape(generation=self.generation, route=route)

    def found_in(self, existing: Mapping[str, str]) -> "Shape":
        """Returns the columns where they are in a target.

        Dropped columns that somebody has taken out of the target are forgotten.
        """
        found = (column.found_in(existing) for column in self.columns)
        columns = tuple(
            c for c in found if c.state != "dropped" or c.target in existing
        )
        return dataclasses.replace(self, columns=columns)

    def emptied(self) -> "Shape":
        """Returns the shape of a table that nothing is known about."""
        return Shape(generation=self.generation, route=self.route)

    def followed_by(
        self, relation_id: int, key: tuple[str, ...], columns: tuple[KnownColumn, ...]
    ) -> "Shape":
        """Returns the next generation; itself if nothing is different."""
        following = dataclasses.replace(
            self, relation_id=relation_id, key=key, columns=columns
        )
        if following == self:
            return self
        return dataclasses.replace(following, generation=self.generation + 1)

    def with_extras(self, extras: Extras) -> "Shape":
        """Returns the shape of a target that has these; itself if it had them."""
        if extras == self.extras:
            return self
        generation = self.generation + 1
        return dataclasses.replace(self, extras=extras, generation=generation)

    def to_json(self) -> str:
        """Returns the shape as stored in SYNC_COLUMNS."""
        data = dataclasses.asdict(self)
        for column in data["columns"]:
            if not column["since"]:
                del column["since"]  # Of histories alone.
        data["extras"] = self.extras.to_data()
        if not data["extras"]:
            del data["extras"]
        data["relation"] = data.pop("relation_id")  # As releases before stored it.
        return json.dumps(data, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Shape":
        """Reads what `to_json` wrote."""
        data = json.loads(text)
        data["relation_id"] = data.pop("relation")
        data["key"] = tuple(data["key"])
        data["columns"] = tuple(KnownColumn(**column) for column in data["columns"])
        data["extras"] = Extras.from_data(data.get("extras", {}))
        return cls(**data)


@dataclass(frozen=True)
class Change:
    """One recorded change of a table's columns.

    Attributes:
        column: Column in the source.
        target: Target column that holds it from now on; None: none does.
        old_column: Name in the source before; renamed columns only.
        source_type: PostgreSQL's type now.
        old_type: Snowflake type before.
        new_type: Snowflake type now.
    """

    change: ChangeKind
    column: str
    attnum: int
    target: str | None = None
    old_column: str | None = None
    source_type: str | None = None
    old_type: str | None = None
    new_type: str | None = None

    @property
    def is_fresh(self) -> bool:
        """True if older rows of the target lack the values of its column."""
        return self.change in ("added", "returned", "restored", "type_changed")

    def __str__(self) -> str:
        """Returns the change as a person reads it in a report."""
        text = f"{self.column} {self.change.replace('_', ' ')}"
        if self.old_column not in (None, self.column):
            text += f" from {self.old_column}"
        elif self.old_column is not None:
            # The configuration has renamed it.
            text += f" to {self.target}"
        types = [kind for kind in (self.old_type, self.new_type) if kind]
        if types and self.old_type != self.new_type:
            text += f" ({' -> '.join(types)})"
        return text
