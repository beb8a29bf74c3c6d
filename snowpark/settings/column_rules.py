"""PURE: what the configuration of single columns may say, beyond its schema."""

import re
from collections.abc import Iterator
from typing import Any

from lambda_extract.contract import ColumnSpec
from snowpark.errors import DriftError
from snowpark.names import column_name

_LONGEST_TEXT = 134_217_728

# A place below the table, and a plain sentence.
Found = tuple[tuple[str, ...], str]


def problems(table: dict[str, Any], cursors: tuple[str, ...]) -> Iterator[Found]:
    """Finds what is wrong with a table's `columns`.

    Args:
        table: The table's entry, valid by the schema.
        cursors: Its cursor columns; none in full mode.
    """
    renamed: dict[str, str] = {}
    for name, column in table.get("columns", {}).items():
        if name in table.get("exclude", []):
            yield (name,), "The column is excluded."
        yield from _rename_problems(name, column, renamed)
        if "type" in column:
            yield from _type_problems(name, column)
        if "trim_char" in column and "protect" in column:
            yield (name, "trim_char"), "A protected column has no blanks at its end."
        if name in cursors:
            yield from _unchanged_problems(name, column, "cursor")
        if name == table.get("delete_column"):
            yield from _unchanged_problems(name, column, "delete")
        if column.get("protect") == "mask" and name in table.get("key", []):
            yield (name, "protect"), (
                "A key cannot be masked, because all rows would have the same one; use"
                ' "hash".'
            )


def specs(table: dict[str, Any]) -> tuple[ColumnSpec, ...]:
    """Returns a table's columns as the wire knows them, sorted by name."""
    return tuple(
        ColumnSpec(
            name=name,
            rename=column.get("rename", "").upper(),
            type=column.get("type", "").replace(" ", ""),
            protect=column.get("protect", ""),
            trim_char=column.get("trim_char"),
        )
        for name, column in sorted(table.get("columns", {}).items())
    )


def _rename_problems(
    name: str, column: dict[str, Any], renamed: dict[str, str]
) -> Iterator[Found]:
    if "rename" not in column:
        return
    try:
        target = column_name(column["rename"])
    except DriftError as error:
        yield (name, "rename"), error.message
        return
    if target in renamed:
        yield (name, "rename"), f"Column {renamed[target]!r} has the same new name."
    renamed[target] = name


def _type_problems(name: str, column: dict[str, Any]) -> Iterator[Found]:
    if "protect" in column:
        yield (name, "type"), "A protected column is always text."
    sizes = [int(size) for size in re.findall(r"\d+", column["type"])]
    if column["type"].startswith("NUMBER"):
        precision, scale = sizes
        if precision > 38 or scale > min(precision, 37):
            yield (name, "type"), "A NUMBER has at most 38 digits, 37 after the point."
    elif sizes and sizes[0] > _LONGEST_TEXT:
        yield (name, "type"), f"A VARCHAR has at most {_LONGEST_TEXT} characters."


def _unchanged_problems(
    name: str, column: dict[str, Any], what: str
) -> Iterator[Found]:
    for setting in ("type", "protect"):
        if setting in column:
            yield (name, setting), f"The {what} column travels as it is."
