"""Random schedules on a table with history, compared with a model after each commit.

    scripts/run_history_soak.sh [--schedules N] [--steps N]

What may happen is in tests/history/machine.py. The local Snowflake runs in
this process.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.history.account import opened
from tests.history.machine import HistoryMachine


def main(arguments: list[str] | None = None) -> int:
    """Runs the schedules; the first that fails is printed as a short program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home, opened(Path(home)) as session:
        HistoryMachine.session = session
        HistoryMachine.commits = 0
        run_state_machine_as_test(
            HistoryMachine,
            settings=settings(
                max_examples=options.schedules,
                stateful_step_count=options.steps,
                deadline=None,
                database=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
        del HistoryMachine.session
    seconds = time.monotonic() - started
    print(
        f"{options.schedules} schedules, {HistoryMachine.commits} commits in"
        f" {seconds:.0f} s: the target was the model after each of them."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
