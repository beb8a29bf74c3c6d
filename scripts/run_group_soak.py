"""Runs random schedules of groups, lanes, kills and take-overs, any number of them.

All schedules of a process share one stack. A failure prints its seed, which makes the
same schedule again, and what was done:

    scripts/run_group_soak.sh --schedules 2000
    scripts/run_group_soak.sh --seed 17 --schedules 1
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.stack import running_stack
from scripts.deploy_local import deploy_local
from tests.soak.groups import run_schedule
from tests.soak.schedules import TIME_SETTINGS

console = Console(highlight=False)


def main(
    schedules: Annotated[int, typer.Option(help="How many schedules to run")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the first one")] = 1,
    steps: Annotated[int, typer.Option(help="Steps of each")] = 12,
) -> None:
    """Runs schedules one after the other; ends with 1 if one of them failed."""
    os.environ.update(TIME_SETTINGS)
    failed: list[int] = []
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        deploy_local(stack.endpoints)
        started = time.monotonic()
        for number in range(seed, seed + schedules):
            found = run_schedule(stack, number, steps)
            if found:
                failed.append(number)
                console.print(f"seed {number} [red]failed[/red]:")
                console.print(f"  {found}", markup=False)
        seconds = time.monotonic() - started
    console.print(
        f"{schedules} schedules of {steps} steps: {len(failed)} failed {failed or ''},"
        f" {seconds:.0f} s, {seconds / schedules:.2f} s each"
    )
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(main)
