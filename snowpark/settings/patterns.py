"""PURE: tables that are named by pattern, and what the patterns stand for.

`patterns` is what a person writes; `resolved` is what APPLY_CONFIG found in the source
and stored beside it: per pattern the entries, which get the pattern's settings.
"""

import fnmatch
from collections.abc import Mapping
from typing import Any


def expanded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration with the tables that its patterns stand for."""
    tables: dict[str, Any] = {}
    for pattern, entries in config.get("resolved", {}).items():
        settings = config.get("patterns", {}).get(pattern, {}).get("settings", {})
        for name, entry in entries.items():
            tables[name] = {**entry, **settings}
    return {**config, "tables": {**tables, **config.get("tables", {})}}


def source_of(config: Mapping[str, Any], pattern: str) -> str:
    """Returns the source that a pattern is about; empty: none is said."""
    said = config["patterns"][pattern].get("source")
    return str(said or config.get("defaults", {}).get("source", ""))


def is_excluded(config: Mapping[str, Any], pattern: str, place: str) -> bool:
    """Returns whether a table "schema.table" is left out of a pattern."""
    left_out = config["patterns"][pattern].get("exclude", ())
    # As the source understands them: case counts, and [ is a character.
    return any(fnmatch.fnmatchcase(place, one.replace("[", "[[]")) for one in left_out)


def without(config: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Returns the configuration with a resolved table excluded; None: it is none."""
    for pattern, entries in config.get("resolved", {}).items():
        if name not in entries:
            continue
        merged = {**config.get("defaults", {}), **entries[name]}
        place = f"{merged.get('schema', 'public')}.{merged.get('table', name)}"
        said = config["patterns"][pattern]
        excluding = {**said, "exclude": [*said.get("exclude", ()), place]}
        return {**config, "patterns": {**config["patterns"], pattern: excluding}}
    return None
