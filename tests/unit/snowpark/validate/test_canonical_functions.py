"""The functions in Python that Snowflake runs, from the very text that is deployed."""

import hashlib
import json
import math
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import black
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "snowflake/45_function/020_canonical.sql").read_text()
BODIES = re.findall(
    r"FUNCTION (\w+)\(.*?HANDLER = '(\w+)'.*?AS \$\$\n(.*?)\$\$;", TEXT, re.DOTALL
)


def handlers() -> dict[str, Callable[..., Any]]:
    found = {}
    for name, handler, body in BODIES:
        space: dict[str, Any] = {}
        exec(body, space)
        found[name] = space[handler]
        found[f"{name}.space"] = lambda space=space: space
    return found


FOUND = handlers()
canonical_float, canonical_json = FOUND["canonical_float"], FOUND["canonical_json"]
written = FOUND["canonical_json.space"]()["written"]
Number = FOUND["canonical_json.space"]()["Number"]


def text_of(document: str, held: Any = None) -> str:
    parsed = json.loads(document, parse_int=Number, parse_float=Number)
    text: str = written(parsed, held)
    digest = hashlib.md5(text.encode()).hexdigest()
    assert canonical_json(document, held) == digest
    return text


@pytest.mark.parametrize("body", [body for _, _, body in BODIES])
def test_the_code_is_formatted(body: str) -> None:
    assert black.format_str(body, mode=black.Mode()) == body


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_has_one_text_and_another_none(value: float) -> None:
    text = canonical_float(value)
    assert struct.unpack(">d", bytes.fromhex(text)) == (value,)
    assert canonical_float(math.nextafter(value, math.inf)) != text or value == 0


def test_floats_that_are_no_numbers() -> None:
    assert canonical_float(math.nan) == canonical_float(-math.nan) == "nan"
    assert canonical_float(math.inf) == "7ff0" + "0" * 12
    assert canonical_float(-0.0) == canonical_float(0.0) == "0" * 16


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("null", "null"),
        (' {"bb":1,"a":[true,false,null],"c":{}} ', None),
        ('{"bb":1,"a":2,"é":3,"B":4}', '{"B": 4, "a": 2, "bb": 1, "é": 3}'),
        ("[1.50,1.0,15e-1,1e2,-0.0,0e5,100]", "[1.5, 1, 1.5, 100, 0, 0, 100]"),
        ('["1.50","\\u00e9\\/\\u0001\\n\\u007f"]', '["1.50", "é/\\u0001\\n\x7f"]'),
        ("9" * 38, "9" * 38),
        ("0." + "1" * 37, "0." + "1" * 37),
        ("1e-7", "0.0000001"),
    ],
)
def test_documents(document: str, text: str | None) -> None:
    if text is None:
        text = '{"a": [true, false, null], "c": {}, "bb": 1}'
    assert text_of(document) == text


def test_a_double_is_told_by_its_value_not_by_its_rounded_text() -> None:
    held = 0.1 + 0.2
    rounded = f"{held:.15e}"
    assert float(rounded) != held
    assert text_of(f'{{"a":[{rounded}]}}', {"a": [held]}) == f'{{"a": [{held}]}}'
    # As PostgreSQL prints it: 16 digits would lie halfway between two floats.
    halfway = -2.438207875223965e16
    assert text_of(f"[{halfway}]", [halfway]) == "[-24382078752239648]"
    for extreme in (1.7976931348623157e308, 5e-324, 2.0**60, -1e23):
        (number,) = json.loads(text_of(f"[{extreme:.15e}]", [extreme]))
        assert float(number) == extreme
    assert text_of("1e400", math.inf) == "1" + "0" * 400
    # What is no DOUBLE is handed over as a text, or not at all.
    assert text_of("[1.50]", ["1.50"]) == text_of("[1.5]", []) == "[1.5]"


def test_what_cannot_be_told_ends_no_query() -> None:
    assert canonical_json("[" * 5000 + "]" * 5000, None) == "!target"
    assert canonical_json("[1,undefined]", None) != canonical_json("[1,null]", None)
    assert canonical_json(None, None) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_documents_are_equal_where_their_meanings_are(one: Any, other: Any) -> None:
    first = text_of(json.dumps(one))
    assert json.loads(first) == one
    assert text_of(json.dumps(one, indent=2, sort_keys=True)) == first
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (text_of(json.dumps(other)) == first) == same
