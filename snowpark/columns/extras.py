"""PURE: what a target has beside its columns and rows, for people and catalogues.

Comments, a key that readers may rely on, tags, readers and clustering. What was applied
last is part of the table's shape, so that a sync sends a statement only if something of
it has changed.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lambda_extract.contract import Described
from snowpark.columns.column import LoadColumn
from snowpark.settings.table import TableSettings

Part = Literal["comments", "key", "tags", "readers", "cluster_by"]
Pairs = tuple[tuple[str, str], ...]

# Types of PostgreSQL whose values arrive as they are, whatever they are. Of the others
# some have no place in Snowflake (infinity, NaN) and become NULL, which no key may be.
_EXACT_TYPES = frozenset({"smallint", "integer", "bigint", "oid", "boolean", "bytea"})


@dataclass(frozen=True)
class Extras:
    """What a target has, or shall have.

    Attributes:
        comment: Of the table.
        comments: Target column and its comment; columns without one are left out.
        key: Target columns of the PRIMARY KEY ... RELY; empty: none of ours.
        tag: Quoted name of the tag of protected columns.
        tags: Target column and "hash" or "mask".
        readers: Roles that may select.
        cluster_by: Target columns.
        failed: Parts that Snowflake refused: the next sync tries them again.
    """

    comment: str = ""
    comments: Pairs = ()
    key: tuple[str, ...] = ()
    tag: str = ""
    tags: Pairs = ()
    readers: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Returns what is worth storing, as JSON has it."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Extras":
        """Reads what `to_data` wrote."""
        values = {key: _frozen(value) for key, value in data.items()}
        return cls(**values)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def wanted(
    settings: TableSettings,
    described: Described | None,
    columns: Sequence[LoadColumn],
    key: Sequence[str],
    before: Extras,
) -> Extras:
    """Returns what a target shall have.

    Args:
        described: What the source says; None: it says nothing, what was applied stays.
        columns: As the target has them.
        key: Source columns.
        before: What was applied last.
    """
    loaded = {column.source.name: column for column in columns if column.loaded}
    found = Extras(comment=before.comment, comments=before.comments, key=before.key)
    if described is not None:
        found = Extras(key=_key(settings, described, loaded, key))
        if settings.comments:
            texts = {c.name: c.text for c in described.columns if c.text}
            found = dataclasses.replace(
                found,
                comment=described.comment,
                comments=tuple(
                    (column.name, texts[name])
                    for name, column in loaded.items()
                    if name in texts
                ),
            )
    protected = [c for c in loaded.values() if c.source.protection]
    tagged = protected if settings.protected_tag else []
    return dataclasses.replace(
        found,
        tag=settings.protected_tag_name,
        tags=tuple((c.name, c.source.protection.partition(":")[0]) for c in tagged),
        readers=settings.readers,
        cluster_by=tuple(
            loaded[name].name for name in settings.cluster_by if name in loaded
        ),
    )


def _key(
    settings: TableSettings,
    described: Described,
    loaded: dict[str, LoadColumn],
    key: Sequence[str],
) -> tuple[str, ...]:
    """Returns the key that readers may rely on; empty: it is not proven.

    PostgreSQL enforces it, and its values arrive as they are. Versions of a history
    share the key of their row.
    """
    if not settings.primary_key or not described.key_enforced or settings.history:
        return ()
    columns = [loaded.get(name) for name in key]
    if not all(column and _arrives(column, settings) for column in columns):
        return ()
    return tuple(column.name for column in columns if column)


def _arrives(column: LoadColumn, settings: TableSettings) -> bool:
    """True if no value of a key's column can become NULL, or equal to another one."""
    source = column.source
    if source.snowflake_type.startswith("VARCHAR") or source.type in _EXACT_TYPES:
        return True
    exact = source.snowflake_type.startswith(("NUMBER", "DATE", "TIMESTAMP", "TIME"))
    return exact and settings.special_values == "fail"
