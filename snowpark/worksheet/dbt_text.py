"""PURE: the text of a dbt sources.yml: tables, comments, freshness, tests of keys.

Each text is written as JSON writes it, which YAML reads. dbt takes {{ and {% for its
own language, wherever they come from. Comments are the source's, so a brace is written
as what gives a brace in dbt as well.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from snowpark.names import VALID_FROM
from snowpark.settings.groups import GroupSettings
from snowpark.settings.table import TableSettings
from snowpark.sql import literal, qualified, quote

_BRACE = re.compile(r"\{(?=[{%#])")
# Two runs may be late before anybody is told.
_RUNS_UNTIL_WARNING = 2
_MINUTES = re.compile(r"(\d+) MINUTES")
_HEAD = """\
# Written by CALL DBT_SOURCES(); call it again when tables change. An idle sync writes
# nothing into a target: SYNC_STATUS knows how fresh it is. The role of dbt needs
# SYNC_READER (with the suffix of the environment, if the deployment has one), and
# SELECT on the targets ("readers" in the configuration).
version: 2
"""


@dataclass(frozen=True)
class Source:
    """A target as dbt is told of it.

    Attributes:
        key: Target columns that identify a row; empty: unknown.
        comment: Of the target.
        comments: Of its columns; those without one are left out.
    """

    settings: TableSettings
    key: tuple[str, ...] = ()
    comment: str = ""
    comments: Mapping[str, str] = field(default_factory=dict)

    def place(self, own: str) -> tuple[str, str, str]:
        """Returns database, schema and table.

        Args:
            own: The database of the sync itself.
        """
        of = self.settings
        names = (of.target_database or own, of.target_schema, of.target_table)
        database, schema, table = (name.upper() for name in names)
        return database, schema, table


def text(
    sources: Sequence[Source], groups: Sequence[GroupSettings], own_database: str
) -> str:
    """Returns the whole file.

    Args:
        groups: Those with a schedule.
    """
    schemas: dict[tuple[str, str], list[Source]] = {}
    for one in sources:
        schemas.setdefault(one.place(own_database)[:2], []).append(one)
    minutes = {group.name.lower(): _every(group.schedule) for group in groups}
    lines = ["sources:" if schemas else "sources: []"]
    for (database, schema), inside in sorted(schemas.items()):
        own = database == own_database.upper()
        name = schema if own else f"{database}_{schema}"
        lines += [
            f"  - name: {_said(name.lower())}",
            f"    database: {_said(database)}",
            f"    schema: {_said(schema)}",
            "    quoting: {database: true, schema: true, identifier: true}",
            "    tables:",
        ]
        for one in sorted(inside, key=lambda found: found.settings.target_table):
            lines += _table(one, minutes, own_database)
    return _HEAD + "\n".join(lines) + "\n"


def _every(schedule: str) -> int | None:
    found = _MINUTES.fullmatch(schedule)
    return int(found[1]) if found else None


def _table(
    one: Source, minutes: Mapping[str, int | None], own_database: str
) -> Iterator[str]:
    *_, table = one.place(own_database)
    yield f"      - name: {_said(table.lower())}"
    yield f"        identifier: {_said(table)}"
    if one.comment:
        yield f"        description: {_said(one.comment)}"
    every = minutes.get((one.settings.group or "").lower())
    yield "        config:"
    yield f"          loaded_at_query: {_said(_loaded_at(one, own_database))}"
    yield from _freshness(every, one.settings.freshness_sla_minutes)
    yield from _tests(one)
    yield from _columns(one)


def _loaded_at(one: Source, own_database: str) -> str:
    """Returns the query of its freshness; what was never synced is very old."""
    status = qualified(own_database.upper(), "CONTROL", "SYNC_STATUS")
    never = "TO_TIMESTAMP_TZ('1970-01-01 00:00:00+00:00')"
    return (
        f"SELECT COALESCE(MAX(fresh_as_of), {never}) AS loaded_at FROM {status}"
        f" WHERE table_name = {literal(one.settings.name)}"
    )


def _freshness(every: int | None, sla: int | None) -> Iterator[str]:
    """A warning after two runs that did not come, an error beyond the SLA."""
    warning = every * _RUNS_UNTIL_WARNING if every else None
    if warning and sla and warning >= sla:
        warning = None
    if not (warning or sla):
        yield "          freshness: null"
        return
    yield "          freshness:"
    for name, count in (("warn_after", warning), ("error_after", sla)):
        if count:
            yield f"            {name}: {{count: {count}, period: minute}}"


def _tests(one: Source) -> Iterator[str]:
    key = _whole_key(one)
    if len(key) < 2:
        return
    columns = ", ".join(quote(name) for name in key)
    yield "        data_tests:"
    yield "          - unique:"
    yield "              column_name: " + _said(f"TO_JSON(ARRAY_CONSTRUCT({columns}))")


def _whole_key(one: Source) -> tuple[str, ...]:
    if one.key and one.settings.history:
        return (*one.key, VALID_FROM)
    return one.key


def _columns(one: Source) -> Iterator[str]:
    key = _whole_key(one)
    named = [*key, *(name for name in one.comments if name not in key)]
    if named:
        yield "        columns:"
    for name in named:
        yield f"          - name: {_said(name)}"
        yield "            quote: true"
        if one.comments.get(name):
            yield f"            description: {_said(one.comments[name])}"
        if name in key:
            tests = "[not_null, unique]" if len(key) == 1 else "[not_null]"
            yield f"            data_tests: {tests}"


def _said(value: str) -> str:
    """Returns a text in double quotes, as YAML reads them: no pairs of surrogates."""
    text = json.dumps(_BRACE.sub("{{ '{' }}", value), ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
