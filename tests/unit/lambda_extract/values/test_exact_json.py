"""Which JSON is refused, against Python's own reading of it."""

import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg2.extensions
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2 import sql

from lambda_extract.values import exact_json
from lambda_extract.values.watch import Watch
from local.aurora import Aurora

VERSIONS = (150_000, 180_000)
WATCH = Watch(digits=True, json=True)

EXACT = [
    "1e5",
    "-1.5E-7",
    "2.220446049250313e-16",
    "1e249",
    "9" * 38,
    "0." + "1" * 37,
    "[" + ",".join(["12345678901234567890"] * 3) + "]",
    '"' + "9" * 50 + '"',
    r'"\\u0000 \\ud800"',
    r'"\ud83e\udd8a"',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    r'{"a\":":1,"a\\":2,"\u0022:":3}',
    '{"a" : 1, "b"\n: 2, "c"  :3}',
    '"1e400"',
    '{"f47ac10b-1e58-4372-a567-0e02b2c3d479": 1}',
]
ALTERED = [
    "9" * 39,
    "0." + "0" * 37 + "1",
    "-" + "1" * 20 + "." + "1" * 19,
    "[1," + "1" * 40 + "]",
    "1.23456789012345678e5",
    "123456789012345678901234567890e-3",
    "1e400",
    "-1e-400",
    "1e99999999999",
    "0." + "1" * 50 + "e5",
    r'"\u0000"',
    r'{"\u0000":1}',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\ud83e\\udd8a"',
    r'"\uD83E"',
    r'"\\\ud800"',
    '{"a":1,"a":2}',
    '{"x":[{"a":1,"a":1}]}',
    '{"a" :1,"a":2}',
    '{"a"\t\n:1,"b":0,"a"  :2}',
    r'{"a":1,"\u0061":2}',
    r'{"a\":":1,"a\u0022:":2}',
    # jsonb writes the colon and the space plainly: behind a quote, as behind a key.
    r'{"a":1,"a":2,"b":"\u003a"}',
    r'{"a":1,"a":2,"b":"\u003A"}',
    r'{"a":1,"a":2,"b":"\u0020:"}',
    r'{"a":1,"a":2,"b":"\"\u003a"}',
    r'{"a":1,"a":2,"b":"\"\u0020\u003A"}',
    r'{"a":1,"a":2,"\u003a":3}',
]


@pytest.fixture(scope="module")
def connection(aurora: Aurora) -> Iterator[psycopg2.extensions.connection]:
    with contextlib.closing(aurora.connect("shop")) as opened:
        opened.cursor().execute("SET standard_conforming_strings = on")
        yield opened


def answers(
    connection: psycopg2.extensions.connection, condition: str, texts: list[str]
) -> list[bool]:
    composed = sql.SQL(condition).format(c=sql.Identifier("j"))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM unnest({}::text[]) WITH ORDINALITY AS t (s, n),"
                " LATERAL (SELECT s::json AS j) AS typed ORDER BY n"
            ).format(composed, sql.Literal(texts))
        )
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_variant_alters_is_refused_and_nothing_else(
    connection: psycopg2.extensions.connection, version: int
) -> None:
    condition = exact_json.inexact("{c}::text", version)
    assert answers(connection, condition, EXACT) == [False] * len(EXACT)
    assert answers(connection, condition, ALTERED) == [True] * len(ALTERED)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_quick_wire_sees_everything_that_is_refused(
    connection: psycopg2.extensions.connection, version: int
) -> None:
    guarded = answers(connection, exact_json.key_twice("{c}::text", version), ALTERED)
    for text, stopped in zip(ALTERED, guarded, strict=True):
        assert stopped or WATCH.sees(csv_row(text)), text


def test_from_16_on_the_server_itself_is_asked_for_keys_that_stand_twice(
    connection: psycopg2.extensions.connection,
) -> None:
    """Before, what jsonb makes of it is counted, which spaces make it doubt."""
    spaced, once = '{"a"  :1}', r'{"a":1,"b":"\"\u003a"}'
    twice = r'{"a":1,"a":2,"b":"\"\u003a"}'
    refused = exact_json.inexact("{c}::text", 160_000)
    assert answers(connection, refused, [spaced, once, twice]) == [False, False, True]
    quick = exact_json.key_twice("{c}::text", 160_000)
    assert answers(connection, quick, [spaced, once, twice]) == [False, False, True]
    older = exact_json.key_twice("{c}::text", 159_999)
    assert answers(connection, older, [spaced, once]) == [True, True]


def csv_row(text: str) -> bytes:
    """As COPY writes it."""
    quoted = '"' + text.replace('"', '""') + '"' if set(text) & set('",\r\n') else text
    return f"1,{quoted}\n".encode()


# --- any JSON at all ------------------------------------------------------------------

digits = st.text("0123456789", min_size=1, max_size=40)
numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.just("0") | digits.map(lambda d: d.lstrip("0") or "0"),
    st.just("") | digits.map(lambda d: "." + d),
    st.just("") | st.builds("e{}".format, st.integers(-260, 260)),
)
# The quotes of keys and of escapes are what the tests may stumble over.
characters = st.sampled_from(
    [
        r"\\",
        r"\"",
        r"\u0022",
        r"\u003a",
        r"\u0020",
        "a",
        ":",
        " ",
        "{",
        ",",
        "1",
        "e",
        r"\u0061",
        r"\/",
        "é",
    ]
) | st.sampled_from([r"\ud83e\udd8a", r"\u0000", r"\ud83e", "-1e5", '\\":', "\\\\:"])
strings = st.lists(characters, max_size=5).map(lambda c: '"' + "".join(c) + '"')
keys = st.sampled_from(['"a"', r'"\u0061"', '"b"', r'"\""', r'"a\":"']) | strings
blanks = st.sampled_from(["", "", "", " ", "  ", "\t"])
documents = st.recursive(
    st.sampled_from(["null", "true"]) | numbers | strings,
    lambda inner: st.lists(inner, max_size=3).map(lambda i: "[" + ", ".join(i) + "]")
    | st.lists(st.builds("{}{}:{}".format, keys, blanks, inner), max_size=3).map(
        lambda i: "{" + ",".join(i) + "}"
    ),
    max_leaves=6,
)


def altered_by_a_variant(text: str) -> bool:
    """Python's word on it: read, and look at each number, text and object."""
    found: list[bool] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in items]
        found.append(len(set(names)) < len(names))
        found.extend(map(no_text, names))

    def number(text: str) -> None:
        found.append(no_number(text))

    def strings_of(value: Any) -> None:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, list):
                strings_of(item)
            elif isinstance(item, str):
                found.append(no_text(item))

    def objects(items: list[tuple[str, Any]]) -> None:
        pairs(items)
        for _, value in items:
            strings_of(value)

    strings_of(
        json.loads(
            text, parse_int=number, parse_float=number, object_pairs_hook=objects
        )
    )
    return any(found)


def no_text(value: str) -> bool:
    return "\0" in value or any("\ud800" <= c <= "\udfff" for c in value)


def no_number(text: str) -> bool:
    mantissa, _, exponent = text.partition("e")
    if sum(map(str.isdigit, mantissa)) > 38:
        return True
    if not exponent:
        return False
    if abs(int(exponent)) >= 250 or len(text) > 40:
        return True
    return Decimal(repr(float(text))) != Decimal(text)


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(texts=st.lists(documents, min_size=10, max_size=30))
def test_any_json_is_judged_as_python_judges_it(
    connection: psycopg2.extensions.connection, texts: list[str]
) -> None:
    expected = [altered_by_a_variant(text) for text in texts]
    for version in VERSIONS:
        condition = exact_json.inexact("{c}::text", version)
        judged = answers(connection, condition, texts)
        assert list(zip(texts, judged, strict=True)) == list(
            zip(texts, expected, strict=True)
        )
        guarded = answers(connection, exact_json.key_twice("{c}::text", version), texts)
        for text, stopped, altered in zip(texts, guarded, expected, strict=True):
            assert stopped or not altered or WATCH.sees(csv_row(text)), text
