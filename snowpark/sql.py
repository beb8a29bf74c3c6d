"""PURE: SQL text: a statement with its values, and the one place that quotes."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """SQL text and the values bound to its question marks."""

    text: str
    params: tuple["Value", ...] = ()


# What may be bound.
Value = str | int | float | bool | None

# docs: query-size-limits recommends 1 MB for a statement, and bound values count. Half
# of it leaves room for values that grow on their way.
_MOST_BYTES = 450_000


def value_rows(
    types: Sequence[str], rows: Sequence[Sequence[Value]], *, most_rows: int
) -> Iterator[Statement]:
    """Yields VALUES lists with their values, each small enough for one statement.

    Every value is cast: Snowflake takes the types of all rows from the first one, where
    a NULL has none (docs: INSERT, multi-row).

    Args:
        types: Of the columns.
        rows: Values in the order of the columns.
        most_rows: In one list.
    """
    marks = ", ".join(f"CAST(? AS {type_name})" for type_name in types)
    row_bytes = len(marks.encode())
    batch: list[Sequence[Value]] = []
    size = 0
    for row in rows:
        added = row_bytes + sum(len(str(value).encode()) for value in row)
        if batch and (size + added > _MOST_BYTES or len(batch) == most_rows):
            yield _value_list(marks, batch)
            batch, size = [], 0
        batch.append(row)
        size += added
    if batch:
        yield _value_list(marks, batch)


def json_lists(objects: Sequence[object], *, most: int) -> Iterator[str]:
    """Yields lists of JSON text, each small enough to be bound in one statement.

    One text is one value, however many rows it tells of: what has no other use than to
    be kept as a VARIANT needs no list of casts, which Snowflake would have to compile.

    Args:
        objects: In their order; what JSON can hold.
        most: Objects in one list.
    """
    batch: list[str] = []
    size = 0
    for text in map(json.dumps, objects):
        if batch and (size + len(text) > _MOST_BYTES or len(batch) == most):
            yield f"[{', '.join(batch)}]"
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 2
    if batch:
        yield f"[{', '.join(batch)}]"


def _value_list(marks: str, rows: Sequence[Sequence[Value]]) -> Statement:
    lists = ",\n    ".join([f"({marks})"] * len(rows))
    return Statement(
        f"VALUES\n    {lists}", tuple(value for row in rows for value in row)
    )


_MISSING = object()
# What is no code: literals, quoted names, comments; and the marks outside of them.
_MARKS = re.compile(
    r"""'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|\?""",
    re.DOTALL,
)


def with_nulls(statement: Statement) -> Statement:
    """Returns the statement with NULL written out if its value is None.

    Inside a procedure Snowflake refuses a bound None unless its column is a text
    (snowpark-python issue 1760), so none is ever bound.

    Raises:
        ValueError: The text has another number of question marks than values.
    """
    values = iter(statement.params)
    kept: list[str | int | float | bool] = []

    def put(found: re.Match[str]) -> str:
        if found[0] != "?":
            return found[0]
        value = next(values, _MISSING)
        if value is _MISSING:
            raise ValueError("a statement has more question marks than values")
        if value is None:
            return "NULL"
        kept.append(value)  # type: ignore[arg-type]
        return "?"

    text = _MARKS.sub(put, statement.text)
    if next(values, _MISSING) is not _MISSING:
        raise ValueError("a statement has more values than question marks")
    return Statement(text, tuple(kept))


def quote(name: str) -> str:
    """Returns the name as a quoted identifier, exactly as it is.

    Raises:
        ValueError: Empty, longer than 255 characters, or with a NUL character.
    """
    if not 0 < len(name) <= 255 or "\0" in name:
        raise ValueError("an identifier has 1 to 255 characters and no NUL")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Returns the text as a string literal, for statements that take no bound values.

    Raises:
        ValueError: It has a NUL character.
    """
    if "\0" in text:
        raise ValueError("a literal has no NUL")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def qualified(*names: str | None) -> str:
    """Returns the quoted names joined by dots; None is left out."""
    return ".".join(quote(name) for name in names if name is not None)


# BEGIN alone begins a block of Snowflake Scripting as well.
BEGIN = Statement("BEGIN TRANSACTION")


COMMIT = Statement("COMMIT")


ROLLBACK = Statement("ROLLBACK")
# NULL if none is open, be it by BEGIN, by AUTOCOMMIT = FALSE, or of the caller.
READ_TRANSACTION = Statement("SELECT CURRENT_TRANSACTION()")
