"""Random changes of a source arrive through its log (scripts/run_log_soak.sh: more)."""

from pathlib import Path

import pytest

from local.aurora import Aurora
from tests.soak.log_schedules import run_schedule


@pytest.mark.large
def test_a_random_schedule_ends_equal(server: Aurora, tmp_path: Path) -> None:
    found, counts = run_schedule(server, tmp_path, 100, steps=25)
    assert found == ""
    assert counts["captures"] > 3 and counts["windows"] > 1
