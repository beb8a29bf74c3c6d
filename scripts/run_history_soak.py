"""Random schedules on a table with history, compared with a model after each commit.

    scripts/run_history_soak.sh [--schedules N] [--steps N] [--mode log]

What may happen is in tests/history/machine.py, and for a table that is read through the
log in tests/history/log_machine.py. The local Snowflake runs in this process.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.history.account import opened
from tests.history.log_machine import LogMachine
from tests.history.machine import HistoryMachine

MACHINES = {"incremental": HistoryMachine, "log": LogMachine}


def main(arguments: list[str] | None = None) -> int:
    """Runs the schedules; the first that fails is printed as a short program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--mode", choices=sorted(MACHINES), default="incremental")
    options = parser.parse_args(arguments)
    machine = MACHINES[options.mode]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home, opened(Path(home)) as session:
        machine.session = session
        machine.commits = 0
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=options.schedules,
                stateful_step_count=options.steps,
                deadline=None,
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
        del machine.session
    seconds = time.monotonic() - started
    print(
        f"{options.schedules} schedules, {machine.commits} commits in"
        f" {seconds:.0f} s, mode {options.mode}: the target was the model after each of"
        " them."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
