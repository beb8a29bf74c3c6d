"""What exists: databases, schemas, tables, views, stages, procedures and the rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from local.snowflake_server.core.access import Access, Parts
from local.snowflake_server.core.errors import SnowflakeError, compilation, missing
from local.snowflake_server.core.names import Name, encode, quoted, shown
from local.snowflake_server.core.types import SnowType

_NUMBERS = itertools.count(1)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: SnowType
    nullable: bool = True
    default: str | None = None
    default_duck: str | None = None
    comment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def definition(self) -> str:
        """DuckDB's definition; VARCHAR(n) is kept by a check, which DuckDB lacks."""
        name = quoted(encode(self.name))
        parts = [name, self.type.duck]
        if self.default_duck is not None:
            parts.append(f"DEFAULT {self.default_duck}")
        if not self.nullable:
            parts.append("NOT NULL")
        if self.type.base == "VARCHAR" and self.type.length != 134217728:
            parts.append(f"CHECK (length({name}) <= {self.type.length})")
        if self.type.base == "BINARY":
            parts.append(f"CHECK (octet_length({name}) <= {self.type.length})")
        return " ".join(parts)


@dataclass(frozen=True)
class Table:
    """A table; `number` stays the same however it is altered, `version` does not."""

    name: Name
    columns: tuple[Column, ...]
    kind: str = "TABLE"
    comment: str = ""
    primary_key: tuple[str, ...] = ()
    rely: bool = False
    cluster_by: tuple[str, ...] = ()
    retention: int = 1
    owner: str = ""
    number: int = field(default_factory=lambda: next(_NUMBERS))
    version: int = field(default_factory=lambda: next(_NUMBERS))
    created: datetime = field(default_factory=_now)

    @property
    def physical(self) -> str:
        """The quoted name in DuckDB."""
        return self.name.physical

    def altered(self, **changes: Any) -> Table:
        """The same table after a change."""
        return replace(self, version=next(_NUMBERS), **changes)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            SnowflakeError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise compilation(f"invalid identifier '{shown(name)}'", code=904)


@dataclass(frozen=True)
class View:
    """A view: its query is put in the place of its name, so it is never out of date."""

    name: Name
    query: exp.Expr
    columns: tuple[str, ...]
    text: str
    comment: str = ""
    comments: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    number: int = field(default_factory=lambda: next(_NUMBERS))
    version: int = field(default_factory=lambda: next(_NUMBERS))
    created: datetime = field(default_factory=_now)


@dataclass(frozen=True)
class Thing:
    """Any other object: its properties are kept as they were given."""

    name: str
    properties: dict[str, Any]
    owner: str = ""
    comment: str = ""
    created: datetime = field(default_factory=_now)


class Catalog:
    """All objects. Guarded by the write lock of the store for changes."""

    def __init__(self) -> None:
        """Start empty."""
        self.databases: dict[str, Thing] = {}
        self.schemas: dict[tuple[str, str], Thing] = {}
        self.relations: dict[Name, Table | View] = {}
        self.in_schema: dict[str, dict[Name, Any]] = {
            kind: {}
            for kind in (
                "STAGE",
                "FILE FORMAT",
                "PROCEDURE",
                "FUNCTION",
                "TASK",
                "ALERT",
                "STREAMLIT",
                "PIPE",
                "TAG",
                "SECRET",
            )
        }
        self.in_account: dict[str, dict[str, Thing]] = {
            kind: {} for kind in ("INTEGRATION", "ROLE", "WAREHOUSE", "USER")
        }
        self.access = Access(self)

    def check_schema(self, database: str, schema: str) -> None:
        """Fail unless the schema exists."""
        if database not in self.databases:
            raise missing("Database", shown(database))
        if (database, schema) not in self.schemas:
            raise missing("Schema", f"{shown(database)}.{shown(schema)}")

    def relation(self, name: Name) -> Table | View:
        """A table or view.

        Raises:
            SnowflakeError: There is none.
        """
        found = self.relations.get(name)
        if found is None:
            self.check_schema(name.database, name.schema)
            raise missing("Object", str(name))
        return found

    def table(self, name: Name) -> Table:
        """A table.

        Raises:
            SnowflakeError: There is none, or it is a view.
        """
        found = self.relations.get(name)
        if not isinstance(found, Table):
            raise missing("Table", str(name))
        return found

    def thing(self, kind: str, name: Name) -> Any:
        """A stage, file format, procedure or function.

        Raises:
            SnowflakeError: There is none.
        """
        found = self.in_schema[kind].get(name)
        if found is None:
            raise missing(kind.capitalize(), str(name))
        return found

    def names_in(self, database: str, schema: str | None = None) -> Iterator[Name]:
        """Names of everything inside a database or schema."""
        for group in (self.relations, *self.in_schema.values()):
            for name in list(group):
                if name.database == database and schema in (None, name.schema):
                    yield name

    def forget_grants(self, kind: str, name: Name) -> None:
        """Take away what was granted on an object that is dropped or replaced."""
        self.access.forget(kind, name.parts)

    def object(self, kind: str, name: Parts) -> Any:
        """An object of any kind; None if there is none."""
        if kind == "DATABASE":
            return self.databases.get(name[0])
        if kind == "SCHEMA":
            return self.schemas.get((name[0], name[1]))
        if kind in self.in_account:
            return self.in_account[kind].get(name[0])
        if kind in ("TABLE", "VIEW"):
            return self.relations.get(Name(*name))
        return self.in_schema[kind].get(Name(*name)) if kind != "ACCOUNT" else None

    def objects(self) -> Iterator[tuple[str, Parts, Any]]:
        """All objects: kind, name, object."""
        for database, thing in list(self.databases.items()):
            yield "DATABASE", (database,), thing
        for place, thing in list(self.schemas.items()):
            yield "SCHEMA", place, thing
        for name, relation in list(self.relations.items()):
            yield type(relation).__name__.upper(), name.parts, relation
        for kind, group in self.in_schema.items():
            for name, thing in list(group.items()):
                yield kind, name.parts, thing
        for kind, things in self.in_account.items():
            for single, thing in list(things.items()):
                yield kind, (single,), thing

    def set_owner(self, kind: str, name: Parts, role: str) -> None:
        """Give an object to another role."""
        found = self.object(kind, name)
        # What was translated with the old owner's rights is out of date.
        newer = {"version": next(_NUMBERS)} if kind in ("TABLE", "VIEW") else {}
        new = replace(found, owner=role, **newer)
        if kind == "DATABASE":
            self.databases[name[0]] = new
        elif kind == "SCHEMA":
            self.schemas[name[0], name[1]] = new
        elif kind in self.in_account:
            self.in_account[kind][name[0]] = new
        elif kind in ("TABLE", "VIEW"):
            self.relations[Name(*name)] = new
        else:
            self.in_schema[kind][Name(*name)] = new

    def forget(self, database: str, schema: str) -> None:
        """Remove a schema and all in it."""
        del self.schemas[database, schema]
        self.access.forget_inside((database, schema))
        for group in (self.relations, *self.in_schema.values()):
            for name in [n for n in group if n.parts[:2] == (database, schema)]:
                del group[name]


def full_name(
    parts: tuple[str, ...], *, database: str | None, schema: str | None
) -> Name:
    """Complete a dotted name with the session's database and schema.

    Raises:
        SnowflakeError: The session has none and the name needs one.
    """
    if len(parts) > 3:
        raise compilation(f"invalid name '{'.'.join(parts)}'")
    if len(parts) < 3 and database is None:
        raise SnowflakeError(
            90105,
            "22000",
            "Cannot perform operation. This session does not have a current database. "
            "Call 'USE DATABASE', or use a qualified name.",
        )
    if len(parts) < 2 and schema is None:
        raise SnowflakeError(
            90106,
            "22000",
            "Cannot perform operation. This session does not have a current schema. "
            "Call 'USE SCHEMA', or use a qualified name.",
        )
    complete = (database or "", schema or "", "")[: 3 - len(parts)] + parts
    return Name(*complete)
