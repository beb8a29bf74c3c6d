"""The rows of a table that are meant: a filter of the configuration as a condition.

A filter travels as structure, because text would be SQL that runs with the reader's
rights. Here it becomes a condition of quoted columns, typed literals and operators of
pg_catalog, over types whose operators PostgreSQL itself brings along. A column that is
protected or excluded is refused: which rows arrive would tell its values.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from psycopg2 import sql

from lambda_extract.contract import FilterTerm, TableSpec
from lambda_extract.errors import SourceError
from lambda_extract.values.mappings import SourceType

MOST_TERMS = 200
MOST_VALUES = 2_000
_MOMENTS = ("date", "time", "timestamp", "timestamptz")
# Without a type modifier: a cast to varchar(3) or numeric(5,2) would alter the value.
TYPES = frozenset(
    {"int2", "int4", "int8", "numeric", "float4", "float8", "bool", "uuid"}
    | {"text", "varchar", "bpchar", "name", *_MOMENTS}
)
# 'now' and 'today' would be another filter every day.
_MOMENT = re.compile(r"[0-9][0-9TZ:. +-]*")
_ALL = {"in": "= ANY", "not in": "<> ALL"}


class FilterColumn(Protocol):
    """What a filter needs to know of a column."""

    @property
    def name(self) -> str: ...

    @property
    def base(self) -> SourceType: ...


def condition(
    spec: TableSpec, columns: Sequence[FilterColumn]
) -> sql.Composable | None:
    """Returns the condition of a table's filter; None if it has none. PURE.

    Args:
        columns: Those that are read; the excluded ones are not among them.

    Raises:
        SourceError: filter_invalid, column_not_found, protection_required.
    """
    if not spec.where:
        return None
    values = sum(len(term.values) for term in spec.where)
    if len(spec.where) > MOST_TERMS or values > MOST_VALUES:
        raise _invalid(spec, "has too many conditions or values")
    known = {column.name: column for column in columns}
    stack: list[sql.Composable] = []
    for term in spec.where:
        if term.operator in ("and", "or", "not"):
            stack.append(_joined(spec, term, stack))
        else:
            stack.append(_compared(spec, term, known))
    if len(stack) != 1:
        raise _invalid(spec, "is not one condition")
    return stack[0]


def comparisons(spec: TableSpec) -> tuple[FilterTerm, ...]:
    """Returns the comparisons of a filter. PURE."""
    return tuple(t for t in spec.where if t.operator not in ("and", "or", "not"))


def misfit(spec: TableSpec, term: FilterTerm, type_name: str) -> SourceError:
    """Returns the error of a comparison that PostgreSQL refuses. PURE."""
    return _invalid(
        spec,
        f"compares column {term.column!r} of type {type_name} by {term.operator!r} with"
        " a value that is none of this type",
    )


def _joined(
    spec: TableSpec, term: FilterTerm, stack: list[sql.Composable]
) -> sql.Composable:
    count = 1 if term.operator == "not" else term.operands
    if not 1 <= count <= len(stack):
        raise _invalid(spec, "is not one condition")
    operands = stack[-count:]
    del stack[-count:]
    if term.operator == "not":
        return sql.SQL("(NOT {})").format(operands[0])
    joint = sql.SQL(f" {term.operator.upper()} ")
    return sql.SQL("({})").format(joint.join(operands))


def _compared(
    spec: TableSpec, term: FilterTerm, known: dict[str, FilterColumn]
) -> sql.Composable:
    if any(c.name == term.column and c.protect for c in spec.columns) or (
        term.column in spec.exclude
    ):
        raise SourceError(
            "protection_required",
            f"Column {term.column!r} of table {spec.name!r} is protected or excluded:"
            " a filter by it would tell its values.",
            hint='Take the column out of "where", or filter in a view.',
        )
    column = known.get(term.column)
    if column is None:
        raise SourceError(
            "column_not_found",
            f"{spec.schema}.{spec.relation} has no column {term.column!r}, by which"
            " its rows are filtered.",
        )
    name = sql.Identifier(term.column)
    if term.operator in ("is null", "is not null"):
        if term.values:
            raise _invalid(spec, f"has a value for {term.operator!r}")
        # IS NULL would call a composite of NULLs alone NULL.
        negation = "" if "not" in term.operator else "NOT "
        return sql.SQL(f"({{}} IS {negation}DISTINCT FROM NULL)").format(name)
    _check_type(spec, term, column.base)
    cast = sql.Identifier(column.base.schema, column.base.name)
    values = [sql.SQL("{}::{}").format(sql.Literal(v), cast) for v in term.values]
    if term.operator in _ALL:
        operator, _, quantor = _ALL[term.operator].partition(" ")
        return sql.SQL(
            f"({{}} OPERATOR(pg_catalog.{operator}) {quantor} (ARRAY[{{}}]))"
        ).format(name, sql.SQL(", ").join(values))
    if len(values) != 1:
        raise _invalid(spec, f"needs one value for {term.operator!r}")
    operator = "<>" if term.operator == "!=" else term.operator
    return sql.SQL(f"({{}} OPERATOR(pg_catalog.{operator}) {{}})").format(
        name, values[0]
    )


def _check_type(spec: TableSpec, term: FilterTerm, base: SourceType) -> None:
    plain = base.schema == "pg_catalog" and base.name in TYPES
    if not plain and base.kind != "e":
        raise _invalid(
            spec,
            f"compares column {term.column!r}, whose type has no comparison that every"
            " PostgreSQL does alike",
        )
    if not term.values:
        raise _invalid(spec, f"has no value for column {term.column!r}")
    if plain and base.name in _MOMENTS:
        if not all(_MOMENT.fullmatch(value) for value in term.values):
            raise misfit(spec, term, base.name)


def _invalid(spec: TableSpec, what: str) -> SourceError:
    return SourceError("filter_invalid", f'"where" of table {spec.name!r} {what}.')
