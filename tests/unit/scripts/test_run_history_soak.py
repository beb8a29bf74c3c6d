"""The soak of histories runs as many schedules as it is told."""

import pytest

from scripts import run_history_soak


@pytest.mark.parametrize("mode", run_history_soak.MACHINES)
def test_it_tells_what_it_has_done(
    capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    options = ["--schedules", "2", "--steps", "4", "--mode", mode]
    assert run_history_soak.main(options) == 0
    told = capsys.readouterr().out
    assert told.startswith("2 schedules, ") and f" s, mode {mode}: the target" in told
