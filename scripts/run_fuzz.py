"""Feeds hostile inputs to what strangers can reach, and counts them.

First the inputs of tests/fuzz/corpus, then new ones: see fuzz_targets.py for the doors,
fuzz_inputs.py for what is sent. One input may take so much processor time and memory
and no more. A failing input is shortened and printed by hypothesis; the same seed gives
the same inputs. With --keep a failing input is written into the corpus.
"""

import contextlib
import json
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import hypothesis
import typer
from hypothesis import strategies as st

from scripts.fuzz_inputs import variants
from scripts.fuzz_targets import TARGETS, Target, surroundings

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
SECONDS = 5.0  # of this process's own time: a busy machine is no fault
MEGABYTES = 512  # beyond what the process has when the inputs begin
BATCH = 20_000  # inputs between two looks at the log; hypothesis remembers each


class TooSlowError(AssertionError):
    """One input took more processor time than any may."""


@contextlib.contextmanager
def bounded(megabytes: int = MEGABYTES) -> Iterator[None]:
    """Lets no input take more memory than this: MemoryError then fails the run."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + megabytes * 1024 * 1024
    handler = signal.signal(signal.SIGPROF, _too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGPROF, handler)


def _too_slow(*_: Any) -> None:
    raise TooSlowError(f"one input took more than {SECONDS:g} s")


def attempt(target: Target, value: Any) -> None:
    """Tries one input within its time.

    Raises:
        AssertionError: A promise was broken, or it took too long.
    """
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        target.attempt(value)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def corpus(target: Target) -> list[Any]:
    """The inputs of the repository for one target."""
    files = sorted((CORPUS / target.name).glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def fuzz(inputs: int, seed: int, *, keep: bool = False) -> dict[str, int]:
    """Tries the corpus and about `inputs` inputs; returns how many for each target.

    Raises:
        AssertionError: A promise was broken; hypothesis names the input.
    """
    counts: dict[str, int] = {}
    with bounded():
        for target in TARGETS:
            with surroundings():
                for value in corpus(target):
                    attempt(target, value)
            wanted = max(int(inputs * target.share), 1)
            done = len(corpus(target))
            batch = 0
            while done < wanted:
                done += _run(target, min(wanted - done, BATCH), seed + batch, keep)
                batch += 1
            counts[target.name] = done
    return counts


def _run(target: Target, inputs: int, seed: int, keep: bool) -> int:
    count = 0
    failed: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=max(inputs // (target.variants + 1), 1),
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(target.inputs, st.integers(0, 2**32))
    def test(drawn: Any, chance: int) -> None:
        nonlocal count
        tried = variants(drawn, target.variants, chance) if target.variants else [drawn]
        for value in tried:
            count += 1
            try:
                attempt(target, value)
            except BaseException:
                failed[:] = [value]
                hypothesis.note(f"{target.name}: {value!r:.2000}")
                raise

    try:
        with surroundings():
            test()
    finally:
        if failed and keep:
            _keep(target, failed[0])
    return count


def _keep(target: Target, value: Any) -> None:
    folder = CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("*.json"))) + 1
    text = json.dumps(value, indent=1)
    (folder / f"found_{number:03d}.json").write_text(text + "\n", encoding="utf-8")


def main(
    inputs: Annotated[int, typer.Option(help="How many inputs, about.")] = 200_000,
    seed: Annotated[int, typer.Option(help="The same seed, the same inputs.")] = 1,
    keep: Annotated[
        bool, typer.Option(help="Write a failing input into tests/fuzz/corpus.")
    ] = False,
) -> None:
    """Tries hostile inputs and prints how many."""
    started = time.monotonic()
    counts = fuzz(inputs, seed, keep=keep)
    for name, count in counts.items():
        print(f"{count:>9,} {name}")
    seconds = time.monotonic() - started
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{sum(counts.values()):>9,} inputs, seed {seed}, {seconds:.0f} s: no fault")
    print(f"{most:>9,} MB of memory at most, {SECONDS:g} s for an input at most")


if __name__ == "__main__":
    typer.run(main)
