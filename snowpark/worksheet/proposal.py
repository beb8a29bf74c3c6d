"""PURE: from what a source has to entries of the configuration, with what does not fit.

Nothing is proposed that would lose rows in silence: without a column that moves with
every change, or a key, a table is read as a whole.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lambda_extract.contract import FoundColumn, FoundTable
from lambda_extract.contract import Warning as Misfit
from snowpark import names
from snowpark.errors import DriftError
from snowpark.settings import patterns
from snowpark.settings.targets import OWN_SCHEMAS
from snowpark.worksheet import cursors, personal
from snowpark.worksheet.cursors import Cursor

# Comparing all keys once a day is cheap up to here.
_MOST_KEYS = 20_000_000
_LARGE_BYTES = 5_000_000_000
_LONGEST_NAME = 60
_KEY_COLUMNS = 32
_KINDS = {"v": "a view", "f": "a foreign table"}


@dataclass(frozen=True)
class SourceFacts:
    """What is true of a whole source.

    Attributes:
        time_zone: As configured; empty: nobody said.
        hashes: It has a key that hashes columns.
        proves: Open transactions can be seen.
    """

    name: str
    time_zone: str = ""
    hashes: bool = False
    proves: bool = True


@dataclass(frozen=True)
class Proposal:
    """A table, how it would be synced, and what a person should know.

    Attributes:
        name: As the calls would name it.
        entry: Of the configuration; empty if the table cannot or need not be synced.
        state: "ready"; "look": it can be synced, but see `misfits`; "blocked";
            "configured": it is already.
    """

    found: FoundTable
    name: str
    state: Literal["ready", "look", "blocked", "configured"]
    entry: Mapping[str, Any] = field(default_factory=dict)
    cursor: Cursor | None = None
    key: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()

    @property
    def place(self) -> str:
        """Schema and table in PostgreSQL."""
        return f"{self.found.schema}.{self.found.relation}"


class Taken:
    """Names and targets that are in use, and places that are configured."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        defaults = config.get("defaults", {})
        self.names: set[str] = set()
        self.targets: set[str] = set()
        self.places: dict[tuple[str, str, str], str] = {}
        for name, table in patterns.expanded(config)["tables"].items():
            merged = {**defaults, **table}
            relation = merged.get("table", name)
            place = (merged["source"], merged.get("schema", "public"), relation)
            self.places[place] = name.lower()
            self.names.add(name.lower())
            self.targets.add(
                names.target_name(
                    database=merged.get("target_database"),
                    schema=merged["target_schema"],
                    table=merged.get("target_table", relation),
                )
            )


def propose(
    tables: Sequence[FoundTable],
    facts: SourceFacts,
    config: Mapping[str, Any],
    *,
    exact: Collection[str] = (),
) -> list[Proposal]:
    """Returns a proposal for each table.

    Args:
        config: The configuration in force, or one to begin with.
        exact: "schema.table" of those that somebody has named, be they views.
    """
    taken = Taken(config)
    defaults = config.get("defaults", {})
    return [
        _propose(
            table, facts, defaults, taken, f"{table.schema}.{table.relation}" in exact
        )
        for table in tables
    ]


def _propose(
    table: FoundTable,
    facts: SourceFacts,
    defaults: Mapping[str, Any],
    taken: Taken,
    named: bool,
) -> Proposal:
    configured = taken.places.get((facts.name, table.schema, table.relation))
    if configured is not None:
        return Proposal(table, configured, "configured")
    blocked = [*table.refused, *_unreadable(table, facts, named)]
    if blocked:
        return Proposal(table, _wish(table), "blocked", misfits=tuple(blocked))
    excluded = [c.name for c in table.columns if _is_left_out(c, table)]
    columns, told = _columns(table, facts, excluded)
    unfit = [*excluded, *(n for n, c in columns.items() if "protect" in c)]
    key = table.key if not set(table.key) & set(excluded) else ()
    key = key if len(key) <= _KEY_COLUMNS and table.kind not in ("v", "f", "m") else ()
    found = cursors.choose(table, unfit)
    misfits = list(_misfits(table, facts, key, found))
    incremental = bool(key) and _is_usable(found, facts)
    if not incremental and table.bytes > _LARGE_BYTES:
        misfits.append(_large(table))
    misfits += told
    cursor = found if incremental else None
    entry = _entry(table, facts, defaults, taken, key=key, cursor=cursor)
    entry |= {"exclude": excluded} if excluded else {}
    entry |= {"columns": columns} if columns else {}
    name = entry.pop("name")
    state: Literal["ready", "look"] = "look" if misfits else "ready"
    return Proposal(
        table, name, state, _slim(entry, defaults), cursor, key, tuple(misfits)
    )


# --- what does not fit ----------------------------------------------------------------


def _unreadable(table: FoundTable, facts: SourceFacts, named: bool) -> Iterator[Misfit]:
    if table.kind in _KINDS and not named:
        yield Misfit(
            "not_a_table",
            f"It is {_KINDS[table.kind]}, which is read as a whole.",
            "CALL ADD_TABLES with its full name if it is meant.",
        )
    if not any(c.readable for c in table.columns) and not table.refused:
        yield Misfit("no_columns", "It has no column to read.", "Leave it out.")
    demanded = {c.required_protection for c in table.columns}
    if "hash" in demanded and not facts.hashes:
        yield Misfit(
            "hash_key_missing",
            "The source demands hashed columns and has no hash key.",
            'Add "hash_key" to the secret of the source.',
        )


def _is_left_out(column: FoundColumn, table: FoundTable) -> bool:
    if not column.readable or column.required_protection == "exclude":
        return True
    # A mask would make all keys one.
    return column.required_protection == "mask" and column.name in table.key


def _misfits(
    table: FoundTable,
    facts: SourceFacts,
    key: tuple[str, ...],
    cursor: Cursor | None,
) -> Iterator[Misfit]:
    if table.kind in ("v", "f", "m"):
        return
    if not key:
        yield Misfit(
            "no_key",
            "It has no primary key and no unique index over NOT NULL columns that may"
            " be read: the whole table is read each time.",
            f"ALTER TABLE {_quoted(table)} ADD PRIMARY KEY (...);",
        )
    if cursor is None:
        yield _no_cursor(table)
        return
    column = cursor.column
    if not column.indexed:
        yield Misfit(
            "cursor_not_indexed",
            f"No index begins with {column.name}: each sync reads the whole table.",
            f"CREATE INDEX CONCURRENTLY ON {_quoted(table)} ({_quote(column.name)});",
        )
    if not _is_usable(cursor, facts):
        yield Misfit(
            "time_zone_missing",
            f"{column.name} does not say in which time zone it is: until somebody does,"
            " the whole table is read each time.",
            f'Set "time_zone" of source {facts.name}, then "cursor" of the table.',
        )


def _no_cursor(table: FoundTable) -> Misfit:
    filled = cursors.inserted(table)
    message = "No column is known to move with every change"
    if filled is not None:
        message += f" ({filled} is set in new rows)"
    return Misfit(
        "no_cursor",
        f"{message}: the whole table is read each time.",
        'Set "cursor" if there is one after all, or if rows never change; or add a'
        " column updated_at that a trigger sets, with an index.",
    )


def _large(table: FoundTable) -> Misfit:
    size = f"{table.bytes / 1e9:.0f} GB"
    return Misfit(
        "large_and_full",
        f"It has {size}, which every sync reads.",
        'Give it a key and a cursor, or a "group" that runs seldom.',
    )


def _is_usable(cursor: Cursor | None, facts: SourceFacts) -> bool:
    if cursor is None:
        return False
    return cursor.column.cursor_type != cursors.LOCAL or bool(facts.time_zone)


def _columns(
    table: FoundTable, facts: SourceFacts, excluded: Sequence[str]
) -> tuple[dict[str, dict[str, str]], list[Misfit]]:
    """Returns what the configuration says of single columns, and what of it to tell."""
    columns: dict[str, dict[str, str]] = {}
    used = set[str]()
    personal_ones, renamed = [], []
    for column in table.columns:
        if column.name in excluded:
            continue
        settings: dict[str, str] = {}
        protect = column.required_protection or _guess(column, table, facts)
        if protect:
            settings["protect"] = protect
            personal_ones.append(f"{column.name} ({protect})")
        target = _target_column(column.name, used)
        used.add(target)
        if target != column.name.upper():
            settings["rename"] = target
            renamed.append(f"{column.name} is {target}")
        if settings:
            columns[column.name] = settings
    return columns, list(_told(excluded, personal_ones, renamed))


def _guess(column: FoundColumn, table: FoundTable, facts: SourceFacts) -> str:
    """A key is joined with, and what moves with changes is read as it is."""
    if column.name in table.key or column.cursor_type:
        return ""
    return personal.protection(column.name, hashes=facts.hashes)


def _told(
    excluded: Sequence[str], personal_ones: Sequence[str], renamed: Sequence[str]
) -> Iterator[Misfit]:
    if personal_ones:
        yield Misfit(
            "personal_columns",
            f"Looks personal, and is protected: {_listed(personal_ones)}.",
            'Take "protect" out of the entry for what may be read as it is.',
        )
    if excluded:
        yield Misfit(
            "columns_left_out",
            f"May not be read, and is left out: {_listed(excluded)}.",
            'GRANT SELECT on the columns, and take them out of "exclude".',
        )
    if renamed:
        yield Misfit(
            "columns_renamed",
            f"Has another name in Snowflake: {_listed(renamed)}.",
            'Choose another one by "rename".',
        )


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:20])
    return shown if len(items) <= 20 else f"{shown} and {len(items) - 20} more"


def _target_column(name: str, used: set[str]) -> str:
    try:
        target = names.column_name(name)
    except DriftError:
        target = f"{name.upper()}_SOURCE"
    number = 2
    free = target
    while free in used:
        free, number = f"{target}_{number}", number + 1
    return free


# --- the entry ------------------------------------------------------------------------


def _entry(
    table: FoundTable,
    facts: SourceFacts,
    defaults: Mapping[str, Any],
    taken: Taken,
    *,
    key: tuple[str, ...],
    cursor: Cursor | None,
) -> dict[str, Any]:
    """Returns everything that an entry may say, its name too."""
    name = _free_name(table, taken)
    schema, target = _free_target(table, facts, defaults, taken)
    entry: dict[str, Any] = {
        "name": name,
        "source": facts.name,
        "schema": table.schema,
        "target_schema": schema,
    }
    if table.relation != name:
        entry["table"] = table.relation
    if target != table.relation:
        entry["target_table"] = target
    if cursor is None:
        return entry | {"mode": "full"}
    entry |= {"mode": "incremental", "cursor": cursor.column.name}
    if not table.primary:
        entry["key"] = list(key)
    if table.rows <= _MOST_KEYS:
        entry["deletes"] = "key_compare"
    return entry


def _slim(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what the configuration says anyway."""
    usual = {"schema": "public", **defaults}
    kept = {k: v for k, v in entry.items() if usual.get(k) != v}
    if entry["mode"] == "incremental":
        # A cursor says it, be it the entry's or that of the defaults.
        del kept["mode"]
    return kept


def _wish(table: FoundTable) -> str:
    plain = table.relation
    if table.schema != "public":
        plain = f"{table.schema}.{plain}"
    name = re.sub(r"[^a-z0-9_.-]", "_", plain.lower())
    name = name if re.match(r"[a-z_]", name) else f"_{name}"
    return name if len(name) <= _LONGEST_NAME else _with_digest(name, table)


def _with_digest(name: str, table: FoundTable) -> str:
    place = f"{table.schema}\0{table.relation}"
    digest = hashlib.sha256(place.encode()).hexdigest()[:8]
    return f"{name[:_LONGEST_NAME - 9]}_{digest}"


def _free_name(table: FoundTable, taken: Taken) -> str:
    name = _wish(table)
    if name in taken.names:
        name = _with_digest(name, table)
    taken.names.add(name)
    return name


def _free_target(
    table: FoundTable, facts: SourceFacts, defaults: Mapping[str, Any], taken: Taken
) -> tuple[str, str]:
    """Returns schema and name of a target that nobody has."""
    database = defaults.get("target_database")
    schema = table.schema if table.schema != "public" else facts.name
    if table.schema == defaults.get("schema", "public"):
        schema = defaults.get("target_schema", schema)
    beside = f"{facts.name}_{table.schema}"
    if database is None and schema.upper() in OWN_SCHEMAS:
        schema = beside
    digest = _with_digest(table.relation, table)
    choices = [(schema, table.relation), (beside, table.relation), (schema, digest)]
    for chosen in choices:
        target = names.target_name(database=database, schema=chosen[0], table=chosen[1])
        if target not in taken.targets:
            break
    taken.targets.add(target)
    return chosen


def _quoted(table: FoundTable) -> str:
    return f"{_quote(table.schema)}.{_quote(table.relation)}"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
