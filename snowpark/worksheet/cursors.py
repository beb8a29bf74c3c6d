"""PURE: which column of a table may be its cursor, and what speaks for it."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from lambda_extract.contract import FoundColumn, FoundTable
from snowpark.worksheet.personal import words

INSTANT = "timestamp with time zone"
LOCAL = "timestamp without time zone"
_CHANGED = "upd|updated?|modified|modification|mod|mtime|changed?|touched"
_WHEN = "at|on|dt|date|time|ts"
_CHANGES = re.compile(
    rf"(?:^|_)(?:{_CHANGED})(?:_|$)|^last(?:{_CHANGED})(?:_?(?:{_WHEN}))?$"
    rf"|^(?:{_CHANGED})(?:{_WHEN})$"
)


@dataclass(frozen=True)
class Cursor:
    """A column that moves with every change of its row, and why that is believed."""

    column: FoundColumn
    evidence: str


def choose(table: FoundTable, unfit: Collection[str]) -> Cursor | None:
    """Returns the column with the best evidence; None if there is none.

    A trigger proves it; a name alone says what the application means to do.

    Args:
        unfit: Columns that do not travel as they are.
    """
    fit = [
        column
        for column in table.columns
        if column.cursor_type in (INSTANT, LOCAL)
        and column.name not in unfit
        and (column.trigger or _CHANGES.search(words(column.name)))
    ]
    if not fit:
        return None
    best = max(fit, key=_rank)
    return Cursor(best, _evidence(best))


def inserted(table: FoundTable) -> str | None:
    """Returns a column that is filled when a row is new, and may stay as it is then."""
    found = (c.name for c in table.columns if c.cursor_type and c.default)
    return next(found, None)


def _rank(column: FoundColumn) -> tuple[bool, ...]:
    return (
        bool(column.trigger),
        column.indexed,
        column.cursor_type == INSTANT,
        column.default == "clock",
        column.not_null,
    )


def _evidence(column: FoundColumn) -> str:
    if column.trigger:
        kept = f"trigger {column.trigger} sets it with every update"
    elif column.default == "clock":
        kept = "new rows get the time by its default; updates are up to the application"
    else:
        kept = "its name says so; the application sets it"
    index = "an index begins with it" if column.indexed else "no index begins with it"
    return f"{column.type}; {kept}; {index}"
