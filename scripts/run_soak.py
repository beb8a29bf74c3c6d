"""Runs random schedules of changes, transactions, syncs and faults, any number of them.

Each process has a stack of its own and runs batches of 25; a batch has a seed, and a
failure prints the seed with its schedule. The same seed finds it again, and a shorter
schedule that shows it as well:

    scripts/run_soak.sh --schedules 2000
    scripts/run_soak.sh --seed 17 --schedules 25 --shrink
"""

import multiprocessing
import os
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.stack import running_stack
from scripts.deploy_local import deploy_local
from tests.soak.schedules import TIME_SETTINGS, run_schedules
from tests.soak.sources import Sources

BATCH = 25

console = Console(highlight=False)


class Crashing(Sources):
    """Schedules in which the server itself may end, too: the stack is theirs alone."""

    crashes = True


def main(
    schedules: Annotated[int, typer.Option(help="How many schedules to run")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the first batch")] = 1,
    processes: Annotated[int, typer.Option(help="Stacks at once")] = 2,
    steps: Annotated[int, typer.Option(help="Steps of a schedule at most")] = 15,
    shrink: Annotated[bool, typer.Option(help="Shorten what fails (minutes)")] = False,
) -> None:
    """Runs schedules and exits with 1 if one of them failed."""
    os.environ.update(TIME_SETTINGS)
    batches = [
        (seed + number, min(BATCH, schedules - number * BATCH))
        for number in range((schedules + BATCH - 1) // BATCH)
    ]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    results = context.Queue()
    for batch in batches:
        queue.put(batch)
    workers = [
        context.Process(target=_work, args=(queue, results, steps, shrink))
        for _ in range(min(processes, len(batches)))
    ]
    for _ in workers:
        queue.put(None)
    started = time.monotonic()
    for worker in workers:
        worker.start()
    failed = _follow(len(batches), results)
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - started
    console.print(
        f"{schedules} schedules of up to {steps} steps, seeds {seed} to"
        f" {seed + len(batches) - 1}: {len(failed)} of {len(batches)} batches failed,"
        f" {seconds:.0f} s"
    )
    raise typer.Exit(1 if failed else 0)


def _follow(
    batches: int, results: "multiprocessing.Queue[tuple[int, int, str]]"
) -> list[int]:
    failed = []
    done = 0
    for _ in range(batches):
        seed, schedules, failure = results.get()
        done += schedules
        if failure:
            failed.append(seed)
            console.print(f"[red]seed {seed}[/red] failed:")
            console.print(failure, markup=False)
        else:
            console.print(f"seed {seed}: {schedules} schedules, {done} so far")
    return failed


def _end_with_parent() -> None:
    """Leaves at once when the parent is gone; the stack notices that by itself."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _work(
    queue: "multiprocessing.Queue[tuple[int, int] | None]",
    results: "multiprocessing.Queue[tuple[int, int, str]]",
    steps: int,
    shrink: bool,
) -> None:
    """Runs batches in a process of its own, on a stack of its own."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        deploy_local(stack.endpoints)
        while (batch := queue.get()) is not None:
            seed, schedules = batch
            try:
                run_schedules(
                    stack,
                    schedules=schedules,
                    steps=steps,
                    seed=seed,
                    shrink=shrink,
                    kind=Crashing,
                )
                results.put((seed, schedules, ""))
            except BaseException as error:
                # Also what hypothesis raises as a group; the worker goes on.
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    raise
                results.put((seed, schedules, traceback.format_exc()))


if __name__ == "__main__":
    typer.run(main)
