"""PURE: the one form in which keys are compared, bounded and written as text.

A key column is staged as PostgreSQL's text if Snowflake has no exact type for a file
(DECFLOAT, VARIANT, ARRAY, OBJECT). Compared as text, 1.5 and 1.50 are two keys; as
values of the target's type they are one. Whoever compares keys asks here.
"""

from collections.abc import Sequence

from snowpark.columns.column import LoadColumn
from snowpark.columns.types import family
from snowpark.sql import quote

# The output formats of the session that calls are the caller's (Parameters in
# Snowflake's documentation), so each text names its own.
_MOMENT = "'YYYY-MM-DD HH24:MI:SS.FF6'"
_TEXTS = {
    "DATE": "TO_VARCHAR({c}, 'YYYY-MM-DD')",
    "TIME": "TO_VARCHAR({c}, 'HH24:MI:SS.FF6')",
    "TIMESTAMP_NTZ": f"TO_VARCHAR({{c}}, {_MOMENT})",
    "TIMESTAMP_TZ": f"TO_VARCHAR(CONVERT_TIMEZONE('UTC', {{c}}), {_MOMENT}) || '+00'",
    "BINARY": "HEX_ENCODE({c})",
}
_PRUNED_TYPES = ("NUMBER", "VARCHAR", "DATE")


def staged(key: Sequence[LoadColumn]) -> list[str]:
    """Returns the key columns of a staging table as values of the target's type."""
    return [column.expression for column in key]


def named(key: Sequence[LoadColumn]) -> list[str]:
    """Returns the same with the names that the columns have in the target."""
    return [
        (
            expression
            if expression == quote(column.name)
            else f"{expression} AS {quote(column.name)}"
        )
        for expression, column in zip(staged(key), key, strict=True)
    ]


def alias(stem: str, columns: Sequence[LoadColumn]) -> str:
    """Returns a quoted name for a value beside columns: one that none of them has."""
    taken = {column.name for column in columns}
    while stem in taken:
        stem += "_"
    return quote(stem)


def equal(column: LoadColumn) -> str:
    """Returns the comparison of a key column of `target` and `source`.

    `source` is a query over `named`. NULL = NULL never matches, EQUAL_NULL does.
    """
    name = quote(column.name)
    if column.source.nullable:
        return f"EQUAL_NULL(target.{name}, source.{name})"
    return f"target.{name} = source.{name}"


def text(column: LoadColumn, value: str) -> str:
    """Returns the text of a key's value, whatever the caller's session writes.

    Args:
        value: SQL that gives a value of the column's type.
    """
    form = _TEXTS.get(family(column.source.snowflake_type), "TO_VARCHAR({c})")
    return form.replace("{c}", value)


def is_bounded(column: LoadColumn) -> bool:
    """True if a range of the column, written as constants, prunes partitions.

    NULL is in no range. NUMBER, VARCHAR and DATE come back from their text exactly.
    """
    kind = column.source.snowflake_type
    held_as_staged = column.expression == quote(column.name)
    return (
        not column.source.nullable and kind.startswith(_PRUNED_TYPES) and held_as_staged
    )
