"""PURE: what a watermark belongs to (`TableSettings.origin`), compared with another."""

import json

_PLACES = ("source", "schema", "table", "cursor", "target")
# In the cursor's place; no column is named by a list.
LOG = ["log"]


def moves(before: str, after: str) -> tuple[str, ...]:
    """Returns what is another source, table, cursor or target, in words.

    Nothing: only rules differ (protected columns, the filter, trimmed blanks), so that
    reading the whole table again is all that is needed.
    """
    old, new = _parts(before), _parts(after)
    if old is None or new is None:
        return ("it was loaded by another release",)
    return tuple(
        f"the {place} was {_shown(was)} and is {_shown(now)}"
        for place, was, now in zip(_PLACES, old, new, strict=True)
        if was != now
    )


def _parts(origin: str) -> list[object] | None:
    try:
        found = json.loads(origin)
    except ValueError:
        return None
    if not isinstance(found, list) or len(found) < len(_PLACES):
        return None
    return found[: len(_PLACES)]


def _shown(value: object) -> str:
    if value == LOG:
        return "none, but the log"
    return "none" if value is None else str(value)
