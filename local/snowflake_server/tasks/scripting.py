"""Snowflake Scripting as far as a task needs it to set its return value.

    DECLARE
        report VARIANT;
        lanes VARCHAR;
    BEGIN
        CALL control.extract_group('hourly') INTO :report;
        lanes := GET(report, 'lanes')::VARCHAR;
        CALL SYSTEM$SET_RETURN_VALUE(:lanes);
    END

Everything else in a block is refused. Documented: SYSTEM$SET_RETURN_VALUE (at most
10 kB; only in a task), CREATE TASK (WHEN).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from local.snowflake_server.core.errors import SnowflakeError, compilation, unsupported

_MOST_BYTES = 10 * 1024
_BLOCK = re.compile(
    r"\s*(?:DECLARE\b(?P<declared>.*?))?\bBEGIN\b(?P<body>.*)\bEND\b\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED = re.compile(r"(\w+)\s+(VARIANT|VARCHAR)", re.IGNORECASE)
_INTO = re.compile(r"(CALL\s+.*\))\s+INTO\s+:(\w+)", re.IGNORECASE | re.DOTALL)
_GET = re.compile(
    r"(\w+)\s*:=\s*GET\(\s*(\w+)\s*,\s*'(\w+)'\s*\)::VARCHAR", re.IGNORECASE
)
_RETURN = re.compile(
    r"CALL\s+SYSTEM\$SET_RETURN_VALUE\(\s*(?::(\w+)|'([^']*)')\s*\)", re.IGNORECASE
)
_CONDITION = re.compile(
    r"SYSTEM\$GET_PREDECESSOR_RETURN_VALUE\(\s*\)::NUMBER\s*(>=|<=|<|>|=)\s*(\d+)",
    re.IGNORECASE,
)
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
}


def is_block(definition: str) -> bool:
    """Whether a task runs a block, not one statement."""
    return re.match(
        r"\s*(DECLARE|BEGIN\s+(?!TRANSACTION))\b", definition, re.I
    ) is not (None)


def check(definition: str) -> None:
    """Refuses a block with more than is understood here.

    Raises:
        SnowflakeError: Snowflake would refuse it, or it is not imitated.
    """
    variables, statements = _parts(definition)
    for text in statements:
        _step(text, variables, lambda _: None)


def run(definition: str, call: Callable[[str], Any]) -> str | None:
    """Runs a block; returns the return value that it has set.

    Args:
        call: Sends a CALL and returns its value.
    """
    variables, statements = _parts(definition)
    value: str | None = None
    for text in statements:
        found = _step(text, variables, call)
        value = value if found is None else found
    return value


def condition_holds(condition: str, value: str | None) -> bool:
    """Whether the WHEN of a task is true, after its predecessor has set that value."""
    found = _condition(condition)
    if value is None:
        return False  # NULL is not true.
    try:
        number = int(value)
    except ValueError:
        raise SnowflakeError(
            100038, "22018", f"Numeric value '{value}' is not recognized"
        ) from None
    return _COMPARE[found[1]](number, int(found[2]))


def check_condition(condition: str) -> None:
    """Refuses a WHEN that is not imitated."""
    _condition(condition)


def _condition(condition: str) -> re.Match[str]:
    found = _CONDITION.fullmatch(condition.strip())
    if found is None:
        raise unsupported("WHEN with this condition")
    return found


def _parts(definition: str) -> tuple[dict[str, Any], list[str]]:
    found = _BLOCK.fullmatch(definition)
    if found is None:
        raise unsupported("this block of Snowflake Scripting")
    variables: dict[str, Any] = {}
    for text in _split(found["declared"] or ""):
        declared = _DECLARED.fullmatch(text)
        if declared is None:
            raise unsupported("this declaration of Snowflake Scripting")
        variables[declared[1].upper()] = None
    return variables, _split(found["body"])


def _split(text: str) -> list[str]:
    pieces = re.findall(r"(?:'(?:[^']|'')*'|[^;'])+", text)
    return [piece.strip() for piece in pieces if piece.strip()]


def _step(
    text: str, variables: dict[str, Any], call: Callable[[str], Any]
) -> str | None:
    if found := _RETURN.fullmatch(text):
        value = found[2] if found[1] is None else _value(variables, found[1])
        if value is None:
            return None
        if len(str(value).encode()) > _MOST_BYTES:
            raise compilation("The return value is larger than 10 kB.")
        return str(value)
    if found := _INTO.fullmatch(text):
        _value(variables, found[2])
        variables[found[2].upper()] = call(found[1])
        return None
    if found := _GET.fullmatch(text):
        _value(variables, found[1])
        document = _value(variables, found[2])
        data = json.loads(document) if document else {}
        got = data.get(found[3])
        variables[found[1].upper()] = None if got is None else str(got)
        return None
    raise unsupported("this statement of Snowflake Scripting")


def _value(variables: dict[str, Any], name: str) -> Any:
    if name.upper() not in variables:
        raise compilation(f"Bind variable :{name} not set.")
    return variables[name.upper()]
