"""The soak of histories runs as many schedules as it is told."""

import pytest

from scripts import run_history_soak


def test_it_tells_what_it_has_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_history_soak.main(["--schedules", "2", "--steps", "4"]) == 0
    assert capsys.readouterr().out.startswith("2 schedules, ")
