"""Changes the product in small ways and counts which changes the tests notice.

Each mutant is one change: a comparison, a condition, a constant, a return value, two
arguments or bound values that change places, a statement or a raise left out, a
condition, an order or a join of SQL. Only the tests that run the changed lines are
run, in a copy of the tree.

    scripts/run_mutations.sh --seed 2 --per-module 14
    scripts/run_mutations.sh --modules "*lease*" --per-module 0 --resume
    scripts/run_mutations.sh --level all --limit 97
"""

import enum
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scripts.mutations.equivalents import EquivalentsError
from scripts.mutations.project import Project
from scripts.mutations.report import Limits, below, survivors, table
from scripts.mutations.run import Options, Report, run
from scripts.mutations.workers import WorkerError

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENTS = ROOT / "tests" / "mutations" / "equivalent.toml"
FOLDER = ROOT / ".local" / "mutations"

console = Console(highlight=False, soft_wrap=True, markup=False)


class Level(enum.StrEnum):
    """Which tests may notice a mutant."""

    UNIT = "unit"
    ALL = "all"


def main(
    seed: Annotated[int, typer.Option(help="Which mutants are drawn")] = 1,
    per_module: Annotated[
        int, typer.Option(help="Mutants of each module; 0 for every one", min=0)
    ] = 10,
    modules: Annotated[
        str, typer.Option(help='Like "snowpark/*", several with commas')
    ] = "*",
    tests: Annotated[
        str, typer.Option(help='Who may notice, like "tests/unit/snowpark/*"')
    ] = "*",
    level: Annotated[
        Level, typer.Option(help="all: what survives meets the end-to-end tests, too")
    ] = Level.UNIT,
    resume: Annotated[
        bool, typer.Option(help="Keep what is known of the same code and tests")
    ] = False,
    processes: Annotated[int, typer.Option(help="Mutants at a time", min=1)] = 2,
    limit: Annotated[float, typer.Option(help="Percent noticed, in all")] = 90.0,
    limit_per_module: Annotated[
        float, typer.Option(help="Percent noticed, in each module")
    ] = 80.0,
    verbose: Annotated[bool, typer.Option(help="Tell of each mutant")] = False,
) -> None:
    """Exits with 1 if fewer mutants are noticed than the limits want."""
    options = Options(
        folder=FOLDER,
        equivalents=EQUIVALENTS,
        seed=seed,
        per_module=per_module,
        modules=modules,
        tests=tests,
        all_levels=level is Level.ALL,
        resume=resume,
        processes=processes,
    )
    started = time.monotonic()
    progress = console.print if verbose else _Progress()
    try:
        report = run(Project(ROOT), options, progress)
    except (EquivalentsError, WorkerError) as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    kept = show(report, Limits(limit, limit_per_module))
    seconds = time.monotonic() - started
    console.print(f"seed {seed}, {per_module} per module, {level}: {seconds:.0f} s")
    raise typer.Exit(0 if kept else 1)


class _Progress:
    """Tells at most every ten seconds how far the run is."""

    SECONDS = 10.0

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, message: str) -> None:
        if time.monotonic() - self._told >= self.SECONDS:
            self._told = time.monotonic()
            console.print(message)


def show(report: Report, limits: Limits) -> bool:
    """Prints the outcome; returns whether the limits are kept."""
    for line in survivors(report.outcomes):
        console.print(line)
    console.print()
    for line in table(report.outcomes, report.drawn.equivalent):
        console.print(line)
    for test in report.failed:
        console.print(f"left out, for it fails without any change: {test}")
    for entry in report.drawn.unmatched:
        console.print(
            f"tests/mutations/equivalent.toml: no such change any more in"
            f" {entry.module}, {entry.function or 'at module level'}: {entry.before}"
        )
    missed = below(report.outcomes, limits)
    for line in missed:
        console.print(f"below the limit: {line}")
    return not missed


if __name__ == "__main__":
    typer.run(main)
