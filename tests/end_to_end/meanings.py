"""What a text of PostgreSQL means in Python, and what the connector should give back.

Nothing of lambda_extract is asked, and not the comparison of local/: a mistake there
cannot hide itself here.
"""

import datetime
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.end_to_end.lab import Lab

Same = Callable[[str, Any], bool]


def same_text(text: str, value: Any) -> bool:
    return bool(text == value)


def same_number(text: str, value: Any) -> bool:
    return Decimal(text) == Decimal(str(value))


def same_float(text: str, value: Any) -> bool:
    return isinstance(value, float) and repr(float(text)) == repr(value)


def same_bool(text: str, value: Any) -> bool:
    return {"t": True, "f": False}[text] is bool(value)


def same_bytes(text: str, value: Any) -> bool:
    return bytes.fromhex(text.removeprefix(r"\x")) == bytes(value)


def same_date(text: str, value: Any) -> bool:
    return datetime.date.fromisoformat(text) == value


def same_time(text: str, value: Any) -> bool:
    return datetime.time.fromisoformat(text) == value


def same_moment(text: str, value: Any) -> bool:
    """Of timestamps with and without zone; the session's zone is UTC."""
    expected = datetime.datetime.fromisoformat(text.replace("+00", "+00:00"))
    return expected == value and (value.tzinfo is None) == (expected.tzinfo is None)


def parsed(text: str) -> Any:
    """JSON with exact numbers and ordered keys; the text of a number is no number."""

    def pairs(items: list[tuple[str, Any]]) -> Any:
        assert len({key for key, _ in items}) == len(items)
        return ("object", sorted(items, key=lambda item: item[0]))

    return json.loads(
        text,
        parse_int=lambda n: ("number", Decimal(n)),
        parse_float=lambda n: ("number", Decimal(n)),
        object_pairs_hook=pairs,
    )


def same_json(text: str, value: Any) -> bool:
    return bool(parsed(text) == parsed(value))


def array_items(text: str) -> Any:
    """Parses PostgreSQL's array text into nested lists of str and None."""
    tokens = re.findall(r'[{},]|"(?:\\.|[^"\\])*"|[^{},"]+', text)
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token == "{":
            stack.append([])
        elif token == "}":
            stack[-2].append(stack.pop())
        elif token != ",":
            quoted = token.startswith('"')
            plain = re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.S) if quoted else None
            stack[-1].append(plain if quoted else _unquoted(token))
    return stack[0][0]


def _unquoted(token: str) -> str | None:
    return None if token == "NULL" else token


def same_array(text: str, value: Any) -> bool:
    return same_items(array_items(text), json.loads(value, parse_float=Decimal))


def same_items(expected: Any, found: Any) -> bool:
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(same_items(e, f) for e, f in zip(expected, found, strict=True))
        )
    if expected is None or isinstance(found, str):
        # JSON writes a moment as 2026-01-01T10:00:00+00:00.
        return expected == found or (
            isinstance(found, str)
            and re.fullmatch(r"\d{4}-.*T.*", found) is not None
            and expected == found.replace("T", " ").replace("+00:00", "+00")
        )
    if isinstance(found, bool):
        return expected == ("t" if found else "f")
    return Decimal(expected) == Decimal(found)


def array_text(items: list[str | None]) -> str:
    """Writes an array as PostgreSQL reads it."""
    quoted = (
        "NULL" if item is None else '"' + re.sub(r'([\\"])', r"\\\1", item) + '"'
        for item in items
    )
    return "{" + ",".join(quoted) + "}"


def own_text(column: str) -> str:
    # concat() calls the type's output function, which a cast to text may not.
    return f"CASE WHEN {column} IS DISTINCT FROM NULL THEN concat({column}) END"


def assert_same(
    lab: Lab, table: str, expressions: str, kinds: list[tuple[str, Same, list[str]]]
) -> None:
    lab.psql("SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1")
    expected = lab.psql(f"SELECT id, {expressions} FROM {table} ORDER BY id")
    names = ", ".join(f"c{i}" for i in range(len(kinds)))
    cursor = lab.target.cursor()
    found = cursor.execute(
        f"SELECT id, {names} FROM lab.{table} ORDER BY id"
    ).fetchall()
    assert len(expected) == len(found)
    wrong = [
        (kinds[i][0], text, value)
        for source, target in zip(expected, found, strict=True)
        for i, (text, value) in enumerate(zip(source[1:], target[1:], strict=True))
        if not same_or_null(kinds[i][1], text, value)
    ]
    assert not wrong, wrong[:5]


def same_or_null(same: Same, text: str | None, value: Any) -> bool:
    if text is None or value is None:
        return text is None and value is None
    return same(text, value)
