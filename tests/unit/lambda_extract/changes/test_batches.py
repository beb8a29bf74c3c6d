"""Keys are asked for in statements of a bounded size: each once, in their order."""

import pytest

from lambda_extract.changes import reread
from tests.unit.lambda_extract.changes.test_pgoutput import key


@pytest.mark.parametrize(
    ("keys", "sizes"),
    [
        ([], []),
        ([b"1"], [1]),
        ([b"1"] * 3, [3]),
        ([b"1"] * 4, [3, 1]),
        ([b"1"] * 6, [3, 3]),
        # At most ten bytes.
        ([b"12345"] * 3, [2, 1]),
        ([b"123456", b"1234", b"1"], [2, 1]),
        # A key that is too long has a statement of its own.
        ([b"1" * 11, b"2"], [1, 1]),
        ([b"2", b"1" * 11], [1, 1]),
        ([b"1" * 11], [1]),
    ],
)
def test_a_statement_has_so_many_keys_and_bytes(
    monkeypatch: pytest.MonkeyPatch, keys: list[bytes], sizes: list[int]
) -> None:
    monkeypatch.setattr(reread, "KEYS_PER_STATEMENT", 3)
    monkeypatch.setattr(reread, "BYTES_PER_STATEMENT", 10)
    batches = list(reread._batches(keys))
    assert [len(batch) for batch in batches] == sizes
    assert [key for batch in batches for key in batch] == keys


def test_a_hundred_thousand_uuids_are_asked_for_at_once() -> None:
    """docs/LOG_MODE.md says so of keys: their bytes do not cut them up before."""
    uuids = [key(f"00000000-0000-4000-8000-{n:012x}") for n in range(100_001)]
    assert [len(batch) for batch in reread._batches(uuids)] == [100_000, 1]
