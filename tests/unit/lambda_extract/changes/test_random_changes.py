"""Random changes of a source arrive through its log (scripts/run_log_soak.sh: more)."""

from pathlib import Path

import pytest

from local.aurora import Aurora
from tests.soak.log_mutants import mutated
from tests.soak.log_schedules import Schedule, run_schedule


@pytest.mark.large
def test_a_random_schedule_ends_equal(server: Aurora, tmp_path: Path) -> None:
    found, counts = run_schedule(server, tmp_path, 100, steps=25)
    assert found == ""
    assert counts["captures"] > 3 and counts["windows"] > 1


@pytest.mark.large
def test_a_schedule_misses_the_wait_before_a_first_load(
    server: Aurora, tmp_path: Path
) -> None:
    """A table is published while a transaction that has changed it is open (P5)."""
    schedule = Schedule(server, tmp_path, 101, plain_only=True)
    try:
        schedule.create()
        schedule.capture()
        schedule.sql(
            f"INSERT INTO {schedule.plain} SELECT i, 'n' FROM generate_series(1, 119) i"
        )
        assert schedule.publish_beside_a_change() == ""
        with mutated("no_settle"):
            found = schedule.publish_beside_a_change()
    finally:
        schedule.end()
    assert found == f"{schedule.plain}: 1 rows differ"
