"""Which tests run which line: measured once for each file of tests, and kept."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.mutations.project import Project
from scripts.mutations.source import Mutant, function_lines
from scripts.mutations.workers import Job, Worker, run_jobs

MEASURE_SECONDS = 900.0
# How much longer the tests of a mutant may take than without it, and what they may take
# in any case: a machine is busy at times.
_TIMES = 4.0
_AT_LEAST_SECONDS = 20.0


@dataclass(frozen=True)
class Measured:
    """What a file of tests runs.

    Attributes:
        file: Its path.
        seconds: Test -> seconds; the tests that fail are not in here.
        lines: Module -> line -> tests that run it.
        whole: Module -> lines that no single test can be named for: run while the file
            is imported, by a shared fixture, or by another process.
        failed: Tests that fail without any change.
    """

    file: str
    seconds: dict[str, float]
    lines: dict[str, dict[int, list[str]]]
    whole: dict[str, frozenset[int]]
    failed: tuple[str, ...]

    def running(self, mutant: Mutant) -> set[str]:
        """Returns the tests that run a mutant's lines."""
        place = mutant.place
        wanted = range(place.first, place.last + 1)
        return self.running_any(mutant.module, frozenset(wanted))

    def running_any(self, module: str, wanted: frozenset[int]) -> set[str]:
        """Returns the tests that run one of some lines of a module."""
        if self.whole.get(module, frozenset()) & wanted:
            return set(self.seconds)
        lines = self.lines.get(module, {})
        found = {test for line in wanted for test in lines.get(line, ())}
        return found & self.seconds.keys()

    def slow(self, tests: Iterable[str]) -> float:
        """Returns how many seconds some of its tests take."""
        return sum(self.seconds[test] for test in tests)


@dataclass(frozen=True)
class Selection:
    """The tests to run for a mutant, the quickest file first."""

    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    seconds: float = 0.0

    def job(self, module: str, text: str) -> Job:
        """Returns the job that runs them on a changed module."""
        timeout = _AT_LEAST_SECONDS + _TIMES * self.seconds
        return Job(self.files, timeout, self.tests, self.known, module, text)


class Measurements:
    """What all files of a folder of tests run."""

    def __init__(self, project: Project, measured: Sequence[Measured]) -> None:
        self.project = project
        self.measured = measured
        self._bodies: dict[str, frozenset[int]] = {}

    @cached_property
    def failed(self) -> list[str]:
        """Tests that fail without any change; they notice nothing."""
        return [test for one in self.measured for test in one.failed]

    def select(self, mutant: Mutant) -> Selection:
        """Returns the tests that run the lines of a mutant."""
        chosen = [(one, self._wanted(one, mutant)) for one in self.measured]
        chosen = [(one, tests) for one, tests in chosen if tests]
        # A server that tests share is started only if what is quick notices nothing.
        chosen.sort(key=lambda pair: pair[0].slow(pair[1]))
        return Selection(
            files=tuple(one.file for one, _ in chosen),
            tests=tuple(test for _, tests in chosen for test in sorted(tests)),
            known=tuple(test for one, _ in chosen for test in one.seconds),
            seconds=sum(one.slow(tests) for one, tests in chosen),
        )

    def _wanted(self, one: Measured, mutant: Mutant) -> set[str]:
        module = mutant.module
        if not mutant.place.at_import:
            return one.running(mutant)
        # Who only uses a constant or a class runs none of the module's lines.
        direct = self.project.imports[one.file]
        if module in direct or any(module in self.project.imports[i] for i in direct):
            return set(one.seconds)
        # Lines outside functions are run by whoever imports the module, for nothing.
        if module not in self._bodies:
            self._bodies[module] = function_lines(self.project.source(module))
        return one.running_any(module, self._bodies[module])


def measure(
    project: Project,
    workers: Sequence[Worker],
    files: Iterable[str],
    folder: Path,
    progress: Callable[[str], None],
) -> Measurements:
    """Returns what files of tests run; measures those that are not known yet.

    Args:
        folder: Where the results are kept, by the content of the tree.
        progress: Told of each file.
    """
    names = {file: folder / f"{_name(project, file)}.json" for file in files}
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for file, path in names.items():
        if not path.exists():
            jobs.append((file, _measuring(project, file)))
    for done, (file, answer) in enumerate(run_jobs(workers, jobs), 1):
        _write(names[file], _kept(file, answer))
        progress(f"measured {done} of {len(jobs)}: {file}, {answer['seconds']:.1f} s")
    found = [_read(path) for path in names.values()]
    return Measurements(project, found)


def _measuring(project: Project, file: str) -> Job:
    return Job(
        files=(file,),
        timeout=MEASURE_SECONDS,
        measure=True,
        modules=tuple(project.modules()),
        packages=project.packages,
    )


def _name(project: Project, file: str) -> str:
    text = f"{project.digest}\0{file}\0{project.digest_of(file)}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _kept(file: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Returns what is written down; a file that cannot be measured has no tests."""
    failed = answer["failed"]
    if answer["timeout"] or "tests" not in answer:
        failed = [*failed, f"{file}: {answer['output'][-500:]}"]
    wanted = ("tests", "durations", "lines", "whole")
    empty: dict[str, Any] = {"tests": [], "durations": [], "lines": {}, "whole": {}}
    return {"file": file, "failed": failed} | {
        name: answer.get(name, empty[name]) for name in wanted
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content))
    unfinished.rename(path)


def _read(path: Path) -> Measured:
    content = json.loads(path.read_text())
    tests: list[str] = content["tests"]
    failed = set(content["failed"])
    return Measured(
        file=content["file"],
        seconds={
            test: seconds
            for test, seconds in zip(tests, content["durations"], strict=True)
            if test not in failed
        },
        lines={
            module: {
                int(line): [tests[place] for place in places]
                for line, places in lines.items()
            }
            for module, lines in content["lines"].items()
        },
        whole={m: frozenset(lines) for m, lines in content["whole"].items()},
        failed=tuple(content["failed"]),
    )
