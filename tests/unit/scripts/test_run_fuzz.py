"""A short fuzz run with every suite, and proof that it can fail."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from lambda_extract import handler as handling
from lambda_extract import settings
from scripts import fuzz_targets, run_fuzz

# Each runs a fuzzer.
pytestmark = pytest.mark.large


def test_no_hostile_input_breaks_a_promise() -> None:
    counts = run_fuzz.fuzz(150, seed=7)
    assert sum(counts.values()) >= 120


def test_every_target_has_a_corpus_which_is_tried_first() -> None:
    for target in fuzz_targets.TARGETS:
        assert len(run_fuzz.corpus(target)) >= 2, target.name
    with mock.patch.object(run_fuzz, "_run", side_effect=AssertionError("too early")):
        with pytest.raises(AssertionError, match="too early"):
            run_fuzz.fuzz(100_000, seed=1)


def test_a_server_error_would_be_noticed() -> None:
    broken = {"statusCode": 500}
    with mock.patch.object(handling, "handler", lambda event, context: broken):
        with pytest.raises(AssertionError):
            run_fuzz.fuzz(10, seed=1)


def test_what_the_corpus_once_found_would_be_noticed_again() -> None:
    def old(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            raise settings._wrong("SOURCES", "is not JSON text") from None

    with mock.patch.object(settings, "parse_sources", old):
        with pytest.raises(RecursionError):
            run_fuzz.fuzz(10, seed=1)


def _only(attempt: Callable[[Any], Any]) -> Any:
    target = dataclasses.replace(fuzz_targets.TARGETS[1], attempt=attempt)
    return mock.patch.object(run_fuzz, "TARGETS", (target,))


def test_an_input_that_takes_too_long_is_stopped() -> None:
    def hang(_: Any) -> None:
        while True:
            pass

    with _only(hang), mock.patch.object(run_fuzz, "SECONDS", 0.05):
        with pytest.raises(run_fuzz.TooSlowError):
            run_fuzz.fuzz(1, seed=1)


def test_an_input_that_takes_too_much_memory_is_stopped() -> None:
    with _only(lambda _: bytearray(2**31)), pytest.raises(MemoryError):
        run_fuzz.fuzz(1, seed=1)


def test_a_failing_input_is_kept_if_asked(tmp_path: Path) -> None:
    def refuse(text: str) -> None:
        assert "1e999" not in text

    with _only(refuse), mock.patch.object(run_fuzz, "CORPUS", tmp_path):
        with pytest.raises(BaseException, match=".*"):
            run_fuzz.fuzz(2000, seed=1, keep=True)
        (kept,) = run_fuzz.corpus(run_fuzz.TARGETS[0])
    assert "1e999" in kept
