"""PURE: what the configuration of mode "log" may say, and what it stands for."""

import re
from collections.abc import Iterator
from typing import Any

from snowpark.errors import Problem
from snowpark.settings.table import Mode

_MEGABYTE = 1_000_000
_LONGEST_NAME = 63
# Everything that goes may go: the log says so.
_MAX_DELETE_PERCENT = 100.0
_DELETES = ("log", "none", "key_compare")
_OF_LOG_ALONE = ("on_truncate", "whole_table_percent")
_CURSOR_SETTINGS = ("margin_seconds", "null_cursor", "source_changed")


def default_deletes(mode: Mode) -> str:
    """Returns how deleted rows are found unless the table says otherwise."""
    return "log" if mode == "log" else "none"


def default_name(source: str) -> str:
    """Returns the slot and publication of a source; both allow these characters."""
    safe = re.sub(r"[^a-z0-9_]", "_", source.lower())
    return f"aurora_sync_{safe}"[:_LONGEST_NAME]


def problems(
    data: dict[str, Any],
    table: dict[str, Any],
    merged: dict[str, Any],
    pointer: str,
    *,
    mode: Mode,
) -> Iterator[Problem]:
    """Yields what is wrong with one table."""
    deletes = table.get("deletes")
    if mode != "log":
        for setting in _OF_LOG_ALONE:
            if setting in table:
                yield Problem(f"{pointer}/{setting}", 'Is for "mode": "log" alone.')
        if deletes == "log":
            yield Problem(f"{pointer}/deletes", '"log" is for "mode": "log" alone.')
        return
    yield from _log_problems(data, table, merged, pointer)


def _log_problems(
    data: dict[str, Any], table: dict[str, Any], merged: dict[str, Any], pointer: str
) -> Iterator[Problem]:
    deletes = table.get("deletes")
    source = data["sources"].get(merged.get("source"), {})
    if "log" not in source:
        yield Problem(pointer, 'Mode "log" needs "log" in its source.')
    if source.get("log", {}).get("publish") == "keys" and not table.get("key"):
        yield Problem(
            f"{pointer}/key",
            'Is needed if the log of its source has "publish": "keys".',
        )
    if deletes is not None and deletes not in _DELETES:
        yield Problem(
            f"{pointer}/deletes", f"Must be one of {', '.join(_DELETES)} in mode log."
        )
    for setting in _CURSOR_SETTINGS:
        if setting in table:
            yield Problem(f"{pointer}/{setting}", 'Has no meaning if "mode" is "log".')
    if table.get("whole_table_percent") and not _ends_rows(table):
        yield Problem(
            f"{pointer}/whole_table_percent",
            'Needs "delete_action": "hard", or a history that closes what is gone: a'
            " table that is read as a whole loses the rows that it has kept.",
        )
    if table.get("history_time") == "cursor":
        yield Problem(
            f"{pointer}/history_time",
            'Has no meaning if "mode" is "log": a version begins when its row was'
            " extracted.",
        )
    if merged.get("load_method", "copy") != "copy":
        yield Problem(f"{pointer}/load_method", 'Must be "copy" in mode log.')
    protected = {n for n, c in table.get("columns", {}).items() if "protect" in c}
    for name in sorted(protected & set(table.get("key", []))):
        yield Problem(
            f"{pointer}/columns/{name}/protect",
            "A column of the key cannot be protected in mode log: files of changed keys"
            " hold it as it is.",
        )


def _ends_rows(table: dict[str, Any]) -> bool:
    """Returns whether a row that is gone is no living row of the target any more."""
    if table.get("deletes") == "none":
        return False
    return bool(table.get("history")) or table.get("delete_action") == "hard"


def settings(source: str, log: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of TableSettings that belong to the source's log."""
    found: dict[str, Any] = {
        "deletes": "log",
        "max_delete_percent": _MAX_DELETE_PERCENT,
        "log_slot": log.get("slot", default_name(source)),
        "log_publication": log.get("publication", default_name(source)),
    }
    if "publish" in log:
        found["log_publish"] = log["publish"]
    if "max_wal_megabytes" in log:
        found["log_max_wal_bytes"] = log["max_wal_megabytes"] * _MEGABYTE
    if "on_huge" in log:
        found["log_on_huge"] = log["on_huge"]
    if "on_gap" in log:
        found["log_on_gap"] = log["on_gap"]
    return found
