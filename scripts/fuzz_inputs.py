"""Inputs that nobody means well with: documents with a changed place, spoiled texts.

Hypothesis draws a document; `variants` spoils its text further by plain random numbers,
which is a hundred times cheaper. Both are the same for the same seed.
"""

import json
import random
import re
from typing import Any

from hypothesis import strategies as st

HOSTILE_TEXTS = (
    "'; DROP TABLE orders; --",
    '"; DROP TABLE orders; --',
    "$$; SELECT 1; $$",
    "../../../etc/passwd",
    "a\nb\r\x00\x1b[31m",
    "{{x}}<% y %>%s%(a)s",
    "\ud800",
    "\u202e\u0000",
    "x" * 5000,
    "NaN",
    "1e999",
)
HOSTILE = st.sampled_from(HOSTILE_TEXTS)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | HOSTILE
    | st.sampled_from([2**63, 10**400, -1, 0])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner)
    ),
    max_leaves=4,
)
# What replaces one value of a JSON text, as JSON text.
_TOKENS = (
    "null",
    "true",
    "-1",
    "0",
    "5.0",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    str(10**400),
    str(2**63),
    '""',
    "[]",
    "{}",
    "[[[[[[[[]]]]]]]]",
    "[" * 2000,
    '{"a":' * 2000,
    '{"a":1,"a":2}',
    *(json.dumps(text) for text in HOSTILE_TEXTS),
)
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null')


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, as the keys that lead to it."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    found = [path] if path else []
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@st.composite
def changed(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """A valid document with a value replaced, removed or added at one place."""
    result = json.loads(json.dumps(document))
    path = draw(st.sampled_from(_places(result)))
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    action = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if action == "replace":
        holder[path[-1]] = draw(VALUES)
    elif action == "remove":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[draw(st.text(max_size=8) | HOSTILE)] = draw(VALUES)
    else:
        holder.append(draw(VALUES))
    return result


def spoiled(text: str) -> st.SearchStrategy[str]:
    """A text that is cut, or has something in its middle."""
    place = st.integers(0, len(text))
    return st.builds(
        lambda at, middle, cut: text[:at] + middle + ("" if cut else text[at:]),
        place,
        st.text(max_size=5) | HOSTILE,
        st.booleans(),
    )


def texts_of(documents: list[dict[str, Any]]) -> st.SearchStrategy[str]:
    """Texts near the given documents."""
    written = [json.dumps(document) for document in documents]
    objects = st.sampled_from(documents).flatmap(changed) | VALUES
    return objects.map(json.dumps) | st.sampled_from(written).flatmap(spoiled)


def variants(text: str, count: int, seed: int) -> list[str]:
    """The text and `count` spoiled forms of it."""
    chance = random.Random(seed)  # noqa: S311 - repeatable inputs, no secret
    return [text, *(_spoil(text, chance) for _ in range(count))]


def _spoil(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(_WAYS)(text, chance)
    return text


def _other_value(text: str, chance: random.Random) -> str:
    """One value of the JSON text, of those near a random place, is another one."""
    found = _VALUE.search(text, chance.randint(0, len(text)))
    if found is None:
        return text
    return text[: found.start()] + chance.choice(_TOKENS) + text[found.end() :]


def _cut(text: str, chance: random.Random) -> str:
    at, end = sorted(chance.randint(0, len(text)) for _ in range(2))
    return text[:at] + text[end:] if chance.random() < 0.8 else text[:at]


def _twice(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    end = at + chance.randint(0, 40)
    return text[:end] + text[at:]


def _character(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    other = chance.choice(('"', "{", "}", "[", ",", "\\", "\0", "\n", "é", "٣", " "))
    return text[:at] + other + text[at + 1 :]


_WAYS = (_other_value, _other_value, _cut, _twice, _character)
