"""What the files are watched for."""

import pytest

from lambda_extract.values import watch
from lambda_extract.values.watch import Watch

DIGITS, JSON = Watch(digits=True), Watch(json=True)


@pytest.mark.parametrize(
    ("looks_for", "block", "seen"),
    [
        (Watch(), b"1,NaN\n", False),
        (Watch((b",NaN",)), b"1,NaN\n", True),
        (Watch((b",NaN",)), b"1,xNaN\n", False),
        (DIGITS, b"1," + b"9" * 38 + b"\n", False),
        (DIGITS, b"1," + b"9" * 39 + b"\n", True),
        (DIGITS, b"1,0." + b"1" * 37 + b"\n", True),
        (DIGITS, b"1234567890," * 10, False),
        (JSON, b"9" * 50, False),
        (JSON, b'1,"{""a"": 1e5}"\n', True),
        (JSON, b"1e5\n", True),
        (JSON, b"1,-1.5E+5\n", True),
        (JSON, b'1,"[1e5]"\n', True),
        (JSON, b'1,"{""id"": ""f47ac10b-1e58-4372-0e5f""}"\n', False),
        (JSON, rb'1,"""\u0000"""', True),
        (JSON, rb'1,"""\uD83E\uDD8A"""', True),
        (JSON, rb'1,"""\u00e9"""', False),
    ],
)
def test_only_what_is_looked_for_is_seen(
    looks_for: Watch, block: bytes, seen: bool
) -> None:
    assert looks_for.sees(block) is seen


def test_two_watches_look_for_both() -> None:
    both = Watch((b"b",), digits=True) | Watch((b"a", b"b"), json=True)
    assert both == Watch((b"a", b"b"), digits=True, json=True)


def test_a_value_that_may_be_too_large_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "LARGEST_TEXT_BYTES", 10)
    assert not Watch().sees(b"x" * 10)
    assert Watch().sees(b"x" * 11)
