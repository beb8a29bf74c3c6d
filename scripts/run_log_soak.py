"""Runs random schedules of changes that are read through the log, any number of them.

A failure prints its seed, which finds it again:

    scripts/run_log_soak.sh --schedules 500
    scripts/run_log_soak.sh --seed 17 --schedules 1
    scripts/run_log_soak.sh --schedules 20 --mutant no_identity    must differ
    scripts/run_log_soak.sh --schedules 20 --mutant all            each has to be found
    scripts/run_log_soak.sh --procedures --schedules 100           with servers that die
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local import versions
from local.aurora import running_aurora
from local.stack import running_stack
from scripts.deploy_local import deploy_local
from tests.soak import log_procedures, log_schedules
from tests.soak.log_changes import SERVER_SETTINGS
from tests.soak.log_mutants import MUTANTS, RELOADING
from tests.soak.schedules import TIME_SETTINGS

console = Console(highlight=False)
Play = Callable[[int], tuple[str, dict[str, int]]]


def main(
    schedules: Annotated[int, typer.Option(help="How many schedules to run")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first one")] = 1,
    steps: Annotated[int, typer.Option(help="Steps of each; 0: 60, or 15")] = 0,
    major: Annotated[int, typer.Option(help="Of PostgreSQL")] = versions.NEWEST,
    plain: Annotated[bool, typer.Option(help="Nothing that reloads tables")] = False,
    mutant: Annotated[
        str, typer.Option(help=f"Step to take out: {', '.join(MUTANTS)}, or all")
    ] = "",
    procedures: Annotated[
        bool, typer.Option(help="Through the procedures, and servers die")
    ] = False,
    seconds: Annotated[float, typer.Option(help="Begin none after so long")] = 1e9,
) -> None:
    """Runs schedules one after the other; ends with 1 if one of them differs."""
    if mutant == "all":
        raise typer.Exit(_hunt_all(range(seed, seed + schedules), major, steps or 60))
    started, done, different = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="log-soak-") as text:
        folder = Path(text)
        if procedures:
            running = _procedures(folder, major, steps or 15, plain)
        else:
            running = _lambda_alone(folder, major, steps or 60, plain, mutant)
        with running as play:
            for number in range(seed, seed + schedules):
                if time.monotonic() - started > seconds:
                    break
                found, counts = play(number)
                done += 1
                different += bool(found)
                told = f"[red]DIFFERENT[/red] {found}" if found else "equal"
                console.print(f"seed {number}: {told}, {counts}")
    console.print(
        f"{done} schedules from seed {seed}, PostgreSQL {major}: {different} different,"
        f" {time.monotonic() - started:.0f} s"
    )
    raise typer.Exit(1 if different else 0)


def _hunt_all(seeds: range, major: int, steps: int) -> int:
    """Takes out one step after the other; returns 1 if one was not missed."""
    lost = 0
    with tempfile.TemporaryDirectory(prefix="log-soak-") as text:
        for mutant in MUTANTS:
            # Without what reloads tables, if nothing of it is what the step is for.
            plain = mutant not in RELOADING
            folder = Path(text) / mutant
            with _lambda_alone(folder, major, steps, plain, mutant) as play:
                told = hunt(play, seeds)
            console.print(f"{mutant}: {told or '[red]NOT FOUND[/red]'}")
            lost += not told
    return 1 if lost else 0


def hunt(play: Play, seeds: Iterable[int]) -> str:
    """Plays until something differs; returns where and what; empty: nowhere."""
    for number in seeds:
        found, _ = play(number)
        if found:
            return f"seed {number}, {found}"
    return ""


@contextmanager
def _lambda_alone(
    folder: Path, major: int, steps: int, plain: bool, mutant: str
) -> Iterator[Play]:
    """Lambda's code against a server; the target is a dictionary."""
    with running_aurora(
        folder / "aurora", settings=SERVER_SETTINGS, programs=versions.programs(major)
    ) as server:
        server.create_database("shop")
        yield lambda number: log_schedules.run_schedule(
            server,
            folder / f"landing-{number}",
            number,
            steps=steps,
            mutant=mutant,
            plain_only=plain,
        )


@contextmanager
def _procedures(folder: Path, major: int, steps: int, plain: bool) -> Iterator[Play]:
    """The whole product on a stack of its own."""
    os.environ.update(TIME_SETTINGS)
    with running_stack(folder, programs=versions.programs(major)) as stack:
        deploy_local(stack.endpoints)
        yield lambda number: log_procedures.run_schedule(
            stack, number, steps=steps, crashes=True, plain_only=plain
        )


if __name__ == "__main__":
    typer.run(main)
