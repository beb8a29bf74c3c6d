"""PURE: source columns, target columns, and what happens when they drift apart."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Literal

from lambda_extract.contract import Column
from snowpark.errors import DriftError
from snowpark.identifiers import OWN_COLUMNS, column_name, quote
from snowpark.model import Drift, TableSettings

_LONGEST_TEXT = "VARCHAR(134217728)"
_TYPE = re.compile(r"^([A-Z_ ]+?)(?:\((\d+)(?:,\s*(\d+))?\))?$")


@dataclass(frozen=True)
class LoadColumn:
    """One column of a file on its way into the target.

    Attributes:
        source: As the wire describes it.
        name: Target column, not quoted.
        staging_type: Type in the staging table.
        expression: SQL over the staging table that gives the target's value.
    """

    source: Column
    name: str
    staging_type: str
    expression: str

    @property
    def loaded(self) -> bool:
        """False for a filler, which stays behind in the staging table."""
        return self.source.role == "source"


@dataclass(frozen=True)
class Change:
    """One recorded change of a target's columns."""

    change: Literal["created", "added", "widened", "dropped", "returned", "ignored"]
    column: str
    attnum: int
    source_type: str | None
    old_type: str | None
    new_type: str | None


@dataclass(frozen=True)
class Alignment:
    """What has to happen to the target before it can take these columns.

    Attributes:
        add: (column, type) to add.
        widen: (column, type) to alter.
        load: The columns that are loaded, without those that are ignored.
        changes: To be recorded.
    """

    add: tuple[tuple[str, str], ...]
    widen: tuple[tuple[str, str], ...]
    load: tuple[LoadColumn, ...]
    changes: tuple[Change, ...]


def digest(
    columns: tuple[Column, ...], key: tuple[str, ...], settings: TableSettings
) -> str:
    """Returns the SHA-256 hex digest of all that shapes the target."""
    shape = [[vars(c) for c in columns], key, settings.target, settings.deletes_softly]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def load_columns(columns: tuple[Column, ...]) -> tuple[LoadColumn, ...]:
    """Returns how each column of a file is staged and transformed.

    Raises:
        DriftError: Two columns differ only in case, or a name cannot be used.
    """
    seen: dict[str, str] = {}
    result = []
    for column in columns:
        wanted = column.target_name or column.name
        name = wanted if column.role == "filler" else column_name(wanted)
        if name in seen:
            raise DriftError(
                "column_collision",
                f"Source columns {quote(seen[name])} and {quote(column.name)} are both"
                f" {quote(name)} in Snowflake.",
            )
        seen[name] = column.name
        staging_type, expression = _staged(name, column.snowflake_type)
        result.append(LoadColumn(column, name, staging_type, expression))
    return tuple(result)


def _staged(name: str, snowflake_type: str) -> tuple[str, str]:
    quoted = quote(name)
    if snowflake_type == "VARIANT":
        # 'd': PostgreSQL's json may hold a key twice; the last one counts, as in jsonb.
        return _LONGEST_TEXT, f"PARSE_JSON({quoted}, 'd')"
    if snowflake_type in ("ARRAY", "OBJECT"):
        return _LONGEST_TEXT, f"PARSE_JSON({quoted}, 'd')::{snowflake_type}"
    if snowflake_type == "DECFLOAT":
        return "VARCHAR(100000)", f"{quoted}::DECFLOAT"
    return snowflake_type, quoted


def align(
    wanted: tuple[LoadColumn, ...], existing: dict[str, str], policy: Drift
) -> Alignment:
    """Compares source columns with the target's.

    Args:
        wanted: From `load_columns`.
        existing: Target column -> type, as DESCRIBE TABLE prints it.
        policy: "evolve" follows, "freeze" ignores new columns, "fail" refuses them.

    Raises:
        DriftError: A type changed in a way Snowflake cannot follow, or the policy
            refuses.
    """
    add: list[tuple[str, str]] = []
    widen: list[tuple[str, str]] = []
    load: list[LoadColumn] = []
    changes: list[Change] = []
    for column in wanted:
        if not column.loaded:
            load.append(column)
            continue
        new_type = column.source.snowflake_type
        old_type = existing.get(column.name)
        if old_type is None:
            _refuse_if(policy == "fail", f"Column {quote(column.name)} is new.")
            ignored = policy == "freeze"
            change = _change("ignored" if ignored else "added", column, None)
            changes.append(change)
            if ignored:
                continue
            add.append((column.name, new_type))
        elif not fits(new_type, old_type):
            wider = widened(old_type, new_type, column.name)
            _refuse_if(policy != "evolve", f"Column {quote(column.name)} is wider.")
            widen.append((column.name, wider))
            changes.append(_change("widened", column, old_type, wider))
        load.append(column)
    changes.extend(_dropped(wanted, existing, policy))
    return Alignment(tuple(add), tuple(widen), tuple(load), tuple(changes))


def _dropped(
    wanted: tuple[LoadColumn, ...], existing: dict[str, str], policy: Drift
) -> list[Change]:
    names = {column.name for column in wanted}
    gone = [n for n in existing if n not in names and n not in OWN_COLUMNS]
    if gone:
        _refuse_if(policy == "fail", f"Column {quote(gone[0])} is gone.")
    return [Change("dropped", name, 0, None, existing[name], None) for name in gone]


def _change(
    change: Literal["added", "widened", "ignored"],
    column: LoadColumn,
    old_type: str | None,
    new_type: str | None = None,
) -> Change:
    return Change(
        change,
        column.source.name,
        column.source.attnum,
        column.source.type,
        old_type,
        new_type or column.source.snowflake_type,
    )


def _refuse_if(refused: bool, message: str) -> None:
    if refused:
        raise DriftError("schema_drift", message)


def created(columns: tuple[LoadColumn, ...]) -> tuple[Change, ...]:
    """Returns the changes to record for a new target."""
    return tuple(
        Change(
            "created",
            c.source.name,
            c.source.attnum,
            c.source.type,
            None,
            c.source.snowflake_type,
        )
        for c in columns
        if c.loaded
    )


def fits(new_type: str, old_type: str) -> bool:
    """Returns whether a column of `old_type` can hold every value of `new_type`."""
    new, old = _parse(new_type), _parse(old_type)
    if new.family != old.family:
        return False
    if new.family == "NUMBER":
        return new.scale <= old.scale and new.size - new.scale <= old.size - old.scale
    return new.size <= old.size


def widened(old_type: str, new_type: str, name: str) -> str:
    """Returns the type that ALTER TABLE gives a column so that both types fit.

    Snowflake changes the precision of a NUMBER upwards (never its scale) and the length
    of a VARCHAR upwards, and nothing else (sql-reference/sql/alter-table-column).

    Raises:
        DriftError: There is no such type.
    """
    new, old = _parse(new_type), _parse(old_type)
    if new.family == old.family == "VARCHAR":
        return f"VARCHAR({new.size})"
    if new.family == old.family == "NUMBER" and new.scale <= old.scale:
        precision = new.size - new.scale + old.scale
        if precision <= 38:
            return f"NUMBER({precision},{old.scale})"
    raise DriftError(
        "type_changed",
        f"Column {quote(name)} is {old_type} in the target and would have to be"
        f" {new_type}; Snowflake cannot alter that.",
    )


@dataclass(frozen=True)
class _Type:
    family: str
    size: int
    scale: int


_SYNONYMS = {
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "DECIMAL": "NUMBER",
    "NUMERIC": "NUMBER",
    "DOUBLE": "FLOAT",
}
_DEFAULT_SIZE = {"NUMBER": 38, "VARCHAR": 16_777_216, "BINARY": 8_388_608}
_NO_SIZE = frozenset({"FLOAT", "DECFLOAT", "BOOLEAN", "DATE"})


def _parse(text: str) -> _Type:
    match = _TYPE.match(text.strip().upper())
    if match is None:
        return _Type(text, 0, 0)
    family = _SYNONYMS.get(match[1], match[1])
    if family in _NO_SIZE:
        return _Type(family, 0, 0)
    default = 9 if family.startswith("TIME") else _DEFAULT_SIZE.get(family, 0)
    return _Type(family, int(match[2] or default), int(match[3] or 0))
