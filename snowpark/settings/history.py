"""PURE: which settings of a history go together."""

from collections.abc import Iterator
from typing import Any

from snowpark.errors import Problem

_ONLY_WITH_HISTORY = ("history_columns", "history_time", "history_days", "current_view")
_WITH_CURSOR = (None, "incremental")


def problems(
    table: dict[str, Any], merged: dict[str, Any], pointer: str
) -> Iterator[Problem]:
    """Returns what is wrong with the settings of a table's history.

    Args:
        merged: The same with the defaults of all tables.
    """
    if not table.get("history"):
        for setting in _ONLY_WITH_HISTORY:
            if setting in table:
                yield Problem(
                    f"{pointer}/{setting}", 'Has a meaning only with "history": true.'
                )
        return
    if table.get("drop_history"):
        yield Problem(
            f"{pointer}/drop_history", 'Contradicts "history": true; leave it out.'
        )
    # A cursor among the defaults is none of a table that has another mode.
    cursor = merged.get("cursor") if merged.get("mode") in _WITH_CURSOR else None
    several = isinstance(cursor, list) and len(cursor) > 1
    if several and merged.get("history_time") != "extracted":
        yield Problem(
            f"{pointer}/history_time",
            'Must be "extracted": a row with several cursor columns names no moment.',
        )
    if table.get("delete_action") == "hard":
        yield Problem(
            f"{pointer}/delete_action",
            "A history keeps deleted rows as closed versions; leave it out.",
        )
    excluded = merged.get("exclude", [])
    for column in table.get("history_columns", []):
        if column in excluded:
            yield Problem(
                f"{pointer}/exclude", f"Column {column} is one of history_columns."
            )
