"""PURE: Snowflake's types: which one fits into which, and which can be widened."""

import re
from dataclasses import dataclass

_TYPE = re.compile(r"^([A-Z_ ]+?)(?:\((\d+)(?:,\s*(\d+))?\))?$")


def fits(new_type: str, old_type: str) -> bool:
    """Returns whether a column of `old_type` can hold every value of `new_type`."""
    new, old = _parse(new_type), _parse(old_type)
    if new.family != old.family:
        # Every NUMBER has at most 38 digits, and so has DECFLOAT.
        return (new.family, old.family) == ("NUMBER", "DECFLOAT")
    if new.family == "NUMBER":
        return new.scale <= old.scale and new.size - new.scale <= old.size - old.scale
    return new.size <= old.size


def widened(old_type: str, new_type: str) -> str | None:
    """Returns the type that ALTER TABLE gives a column so that both types fit.

    Snowflake changes the precision of a NUMBER upwards (never its scale) and the length
    of a VARCHAR upwards, and nothing else (sql-reference/sql/alter-table-column).

    Returns:
        None if there is no such type.
    """
    new, old = _parse(new_type), _parse(old_type)
    if new.family == old.family == "VARCHAR":
        return f"VARCHAR({new.size})"
    if new.family == old.family == "NUMBER" and new.scale <= old.scale:
        precision = max(new.size - new.scale + old.scale, old.size)
        if precision <= 38:
            return f"NUMBER({precision},{old.scale})"
    return None


def family(snowflake_type: str) -> str:
    """Returns the type without its size, e.g. NUMBER."""
    return _parse(snowflake_type).family


@dataclass(frozen=True)
class _Type:
    family: str
    size: int
    scale: int


_SYNONYMS = {
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "DECIMAL": "NUMBER",
    "NUMERIC": "NUMBER",
    "DOUBLE": "FLOAT",
}


_DEFAULT_SIZE = {"NUMBER": 38, "VARCHAR": 16_777_216, "BINARY": 8_388_608}


_NO_SIZE = frozenset({"FLOAT", "DECFLOAT", "BOOLEAN", "DATE"})


def _parse(text: str) -> _Type:
    match = _TYPE.match(text.strip().upper())
    if match is None:
        return _Type(text, 0, 0)
    family = _SYNONYMS.get(match[1], match[1])
    if family in _NO_SIZE:
        return _Type(family, 0, 0)
    default = 9 if family.startswith("TIME") else _DEFAULT_SIZE.get(family, 0)
    return _Type(family, int(match[2] or default), int(match[3] or 0))
