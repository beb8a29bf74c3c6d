"""A history is what a model in Python says, whatever happens, after every commit."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.history.account import opened
from tests.history.log_machine import LogMachine
from tests.history.machine import HistoryMachine


@pytest.mark.large
@pytest.mark.parametrize("machine", [HistoryMachine, LogMachine])
def test_fifty_schedules(tmp_path: Path, machine: type[HistoryMachine]) -> None:
    with opened(tmp_path) as session:
        machine.session = session
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=50,
                stateful_step_count=12,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        del machine.session
