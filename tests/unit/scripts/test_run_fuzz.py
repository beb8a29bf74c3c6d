"""A short fuzz run with every suite, and proof that it can fail."""

from unittest import mock

import pytest

from lambda_extract import handler as handling
from scripts import run_fuzz


def test_no_hostile_input_breaks_a_promise() -> None:
    counts = run_fuzz.fuzz(150, seed=7)
    assert sum(counts.values()) >= 120


def test_a_server_error_would_be_noticed() -> None:
    broken = {"statusCode": 500}
    with mock.patch.object(handling, "handler", lambda event, context: broken):
        with pytest.raises(AssertionError):
            run_fuzz.fuzz(10, seed=1)
