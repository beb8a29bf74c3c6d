"""Runs random schedules of changes that are read through the log, any number of them.

A failure prints its seed, which finds it again:

    scripts/run_log_soak.sh --schedules 500
    scripts/run_log_soak.sh --seed 17 --schedules 1
    scripts/run_log_soak.sh --schedules 20 --mutant no_identity    must differ
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local import versions
from local.aurora import running_aurora
from tests.soak.log_schedules import MUTANTS, run_schedule

console = Console(highlight=False)
SETTINGS = {"logical_decoding_work_mem": "64kB"}


def main(
    schedules: Annotated[int, typer.Option(help="How many schedules to run")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first one")] = 1,
    steps: Annotated[int, typer.Option(help="Steps of each")] = 60,
    major: Annotated[int, typer.Option(help="Of PostgreSQL")] = versions.NEWEST,
    mutant: Annotated[str, typer.Option(help=f"One of {', '.join(MUTANTS)}")] = "",
) -> None:
    """Runs schedules one after the other; ends with 1 if one of them differs."""
    started, different = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="log-soak-") as folder:
        programs = versions.programs(major)
        with running_aurora(
            Path(folder) / "aurora", settings=SETTINGS, programs=programs
        ) as server:
            server.create_database("shop")
            for number in range(seed, seed + schedules):
                landing = Path(folder) / f"landing-{number}"
                found, counts = run_schedule(
                    server, landing, number, steps=steps, mutant=mutant
                )
                different += bool(found)
                if found:
                    console.print(f"seed {number}: [red]DIFFERENT[/red] {found}")
                else:
                    console.print(f"seed {number}: equal, {counts}")
    console.print(
        f"{schedules} schedules, {different} different,"
        f" {time.monotonic() - started:.0f} s"
    )
    raise typer.Exit(1 if different else 0)


if __name__ == "__main__":
    typer.run(main)
