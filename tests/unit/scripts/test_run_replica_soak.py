"""The soak of a reader misses nothing; with the order swapped it does."""

from types import SimpleNamespace
from typing import Any

import pytest

from lambda_extract.errors import SourceError
from scripts import run_replica_soak
from snowpark.extraction.progress import SMALLEST_WINDOW
from tests.soak.replica import ATTEMPTS, extract_as_a_sync


def failing(*codes: str, chunk_rows: int = 100_000) -> Any:
    """A pair whose extractions fail one after the other, and then succeed."""
    pair = SimpleNamespace(chunk_rows=chunk_rows, asked=[])
    left = list(codes)

    def extract() -> None:
        pair.asked.append(pair.chunk_rows)
        if left:
            raise SourceError(left.pop(0), "as told")

    pair.extract = extract
    return pair


def test_what_a_retry_mends_is_asked_for_again() -> None:
    pair = failing("source_unreachable", "reader_behind", "source_error")
    assert extract_as_a_sync(pair) == [
        "source_unreachable",
        "reader_behind",
        "source_error",
    ]
    assert pair.asked == [100_000] * 4


def test_a_window_that_is_too_large_is_halved_this_once() -> None:
    pair = failing("window_too_large", "window_too_large")
    extract_as_a_sync(pair)
    assert pair.asked == [100_000, 50_000, 25_000]
    assert pair.chunk_rows == 100_000
    small = failing("window_too_large", chunk_rows=1_500)
    extract_as_a_sync(small)
    assert small.asked == [1_500, SMALLEST_WINDOW]


@pytest.mark.parametrize("code", ["permission_denied", "value_refused", "bad_request"])
def test_what_no_retry_mends_is_a_failure_at_once(code: str) -> None:
    pair = failing("source_unreachable", code)
    with pytest.raises(SourceError, match=code):
        extract_as_a_sync(pair)
    assert len(pair.asked) == 2


def test_what_never_ends_is_a_failure() -> None:
    pair = failing(*["window_too_large"] * ATTEMPTS)
    with pytest.raises(SourceError, match="window_too_large"):
        extract_as_a_sync(pair)
    assert len(pair.asked) == ATTEMPTS


@pytest.mark.large
def test_nothing_is_missed_in_some_schedules(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", "")
    assert run_replica_soak.main(["--schedules", "4", "--seed", "7"]) == 0
    told = capsys.readouterr().out
    assert "4 schedules, seeds 7 to 10" in told and " 0 rows were missed" in told
