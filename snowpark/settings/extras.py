"""PURE: what a configuration says of a target beside its columns and rows."""

from collections.abc import Iterator
from typing import Any

from snowpark.errors import Problem


def problems(merged: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Finds what is wrong, beyond the schema.

    Args:
        merged: The table's entry with the defaults, valid by the schema.
    """
    for column in merged.get("cluster_by", []):
        if column in merged.get("exclude", []):
            yield Problem(f"{pointer}/cluster_by", f'Column "{column}" is excluded.')
    seen: set[str] = set()
    for role in merged.get("readers", []):
        if role.upper() in seen:
            yield Problem(
                f"{pointer}/readers", f'Role "{role.upper()}" stands there twice.'
            )
        seen.add(role.upper())


def values(merged: dict[str, Any]) -> dict[str, Any]:
    """Returns what is set, as `TableSettings` has it."""
    found: dict[str, Any] = {
        name: merged[name] for name in ("comments", "primary_key") if name in merged
    }
    if "protected_tag" in merged:
        found["protected_tag"] = merged["protected_tag"].upper()
    if "readers" in merged:
        found["readers"] = tuple(sorted(role.upper() for role in merged["readers"]))
    if "cluster_by" in merged:
        found["cluster_by"] = tuple(merged["cluster_by"])
    return found
