"""The statements that read a table's rows, composed so that everything is quoted.

psycopg2.sql only composes here; nothing is executed (see postgres.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import Partition
from lambda_extract.errors import RequestError
from lambda_extract.rows.wire import Wire
from lambda_extract.source import trust
from lambda_extract.source.catalog import SourceTable
from lambda_extract.values.mappings import cursor_family

TRUE = sql.SQL("TRUE")


@dataclass(frozen=True)
class CursorRange:
    """An interval of cursor values, lower < cursor <= upper, and rows without one.

    Attributes:
        cursor: Cursor column, or the expression of several.
        lower: Expression; None reads from the start.
        upper: Expression; None reads to the end.
        with_nulls: Rows whose cursor is NULL belong to it.
    """

    cursor: sql.Composable
    lower: sql.Composable | None = None
    upper: sql.Composable | None = None
    with_nulls: bool = False

    def condition(self) -> sql.Composable:
        """Returns the WHERE condition."""
        column = self.cursor
        ends: list[sql.Composable] = []
        if self.lower is not None:
            ends.append(sql.SQL("{} > {}").format(column, self.lower))
        if self.upper is not None:
            ends.append(sql.SQL("{} <= {}").format(column, self.upper))
        if self.with_nulls:
            if not ends:
                return TRUE
            return sql.SQL("({} OR {} IS NULL)").format(
                sql.SQL(" AND ").join(ends), column
            )
        return sql.SQL(" AND ").join(ends or [sql.SQL("{} IS NOT NULL").format(column)])


def typed(value: str, type_name: str) -> sql.Composable:
    """Returns a literal with its type; the name comes from format_type(), quoted."""
    return sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(type_name))


def greatest(names: Sequence[str], alias: str = "") -> sql.Composable:
    """Returns a column, or the greatest of several that is not NULL.

    In PostgreSQL, GREATEST ignores NULLs.

    Args:
        alias: Of the table, if a column's name alone could mean something else.
    """
    parts = [sql.Identifier(*([alias] if alias else []), name) for name in names]
    if len(parts) == 1:
        return parts[0]
    return sql.SQL("GREATEST({})").format(sql.SQL(", ").join(parts))


def partition_columns(partition: Partition) -> list[sql.Composable]:
    """Returns what a partition compares, as many values as a bound has."""
    if partition.greatest:
        return [greatest(partition.columns)]
    return [sql.Identifier(name) for name in partition.columns]


def partition_condition(table: SourceTable, partition: Partition) -> sql.Composable:
    """Returns the WHERE condition of a partition: lower <= key < upper.

    Rows compare as PostgreSQL's row values do, each column by its own type and
    collation, which is also how the bounds were found.

    Raises:
        RequestError: bad_request, if columns and bounds do not fit together.
        SourceError: protection_required.
    """
    if not partition.columns:
        return TRUE
    columns = [table.column(name) for name in partition.columns]
    types = [column.base_type for column in columns if column is not None]
    if len(types) != len(columns):
        raise RequestError(
            "bad_request",
            f"Part {partition.part!r} names a column that {table.spec.name!r} lacks.",
            hint="Plan the snapshot again.",
        )
    for name in partition.columns:
        trust.check_plain(table.spec, name)
    compared = partition_columns(partition)
    if partition.greatest and columns[0] is not None:
        types = [cursor_family(columns[0].base) or types[0]]
    names = sql.SQL(", ").join(compared)
    conditions: list[sql.Composable] = []
    for operator, bound in ((">=", partition.lower), ("<", partition.upper)):
        if bound is None:
            continue
        if len(bound) != len(types):
            raise RequestError(
                "bad_request", f"A bound of part {partition.part!r} lacks a column."
            )
        values = sql.SQL(", ").join(
            typed(value, name) for value, name in zip(bound, types, strict=True)
        )
        conditions.append(
            sql.SQL("ROW({}) {} ROW({})").format(names, sql.SQL(operator), values)
        )
    return sql.SQL(" AND ").join(conditions) if conditions else TRUE


def copy_rows(
    table: SourceTable, wire: Wire, condition: sql.Composable
) -> sql.Composable:
    """Returns the COPY that writes the rows as CSV: NULL unquoted, '' quoted."""
    selected = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(wire.expressions), table.rows
    )
    return guarded(selected, wire, condition)


def guarded(
    selected: sql.Composable, wire: Wire, condition: sql.Composable = TRUE
) -> sql.Composable:
    """Returns the COPY of a query as CSV, with the guard of the wire (see wire.py)."""
    if wire.guard is not None:
        condition = (
            wire.guard
            if condition is TRUE
            else sql.SQL("({}) AND {}").format(condition, wire.guard)
        )
    if condition is not TRUE:
        selected = sql.SQL("{} WHERE {}").format(selected, condition)
    return sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(selected)
