"""Random changes arrive through the log, whatever dies (scripts/run_log_soak.sh)."""

import pytest

from local.stack import Stack
from tests.soak.log_procedures import run_schedule


@pytest.mark.large
def test_a_random_schedule_of_the_procedures_ends_equal(stack: Stack) -> None:
    found, counts = run_schedule(stack, 7, steps=6, crashes=False)
    assert found == "", counts
