"""PURE: whether a time zone exists, as the tz database of this Python knows it."""

import re
from zoneinfo import ZoneInfo

# Snowflake and PostgreSQL name zones as the tz database does. A small first letter
# begins its other files ("localtime", "posixrules", "leapseconds").
_NAME = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")


def problem(name: str) -> str | None:
    """Returns what is wrong with the name of a time zone, or None.

    Without a tz database, names are judged by their form alone.
    """
    if not _NAME.fullmatch(name):
        return "Is not the name of a time zone, such as Europe/Berlin."
    if not _is_known(name) and _is_known("UTC"):
        return "There is no such time zone; a name is, for example, Europe/Berlin."
    return None


def _is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # Unknown; no zone's file; a folder.
        return False
    return True
