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
from scripts.mutations.workers import Job, Stage, Worker, run_jobs

MEASURE_SECONDS = 900.0
# How much longer the tests of a mutant may take than without it, and what they may take
# in any case: a machine is busy at times.
_TIMES = 4.0
_AT_LEAST_SECONDS = 20.0
# Most changes are noticed at once by the tests of their own module. So a mutant meets
# a few files first, then some more, then all others, and what is slow comes last.
_FILES_AT_FIRST = (3, 6)
_SECONDS_AT_FIRST = 4.0
_SLOW_SECONDS = 3.0


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
    """The tests to run for a mutant.

    Attributes:
        stages: What is run together, in the order in which it is.
        known: Names of all tests of their files.
    """

    stages: tuple[Stage, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def files(self) -> list[str]:
        """The files of all stages."""
        return sorted({file for stage in self.stages for file in stage.files})

    @property
    def tests(self) -> list[str]:
        """The tests of all stages."""
        return sorted({test for stage in self.stages for test in stage.tests or ()})

    def job(self, module: str, text: str) -> Job:
        """Returns the job that runs them on a changed module."""
        return Job(self.stages, self.known, module, text)


@dataclass(frozen=True)
class _Part:
    """Some tests of one file."""

    file: Measured
    tests: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return self.file.slow(self.tests)


def stages_of(chosen: Sequence[tuple[Measured, set[str]]]) -> tuple[Stage, ...]:
    """Returns in which order tests are run.

    Args:
        chosen: Files with their tests, the most promising first.
    """
    parts = [_Part(one, tuple(sorted(tests))) for one, tests in chosen]
    slow = [_picked(part, lambda seconds: seconds > _SLOW_SECONDS) for part in parts]
    quick = [_picked(part, lambda seconds: seconds <= _SLOW_SECONDS) for part in parts]
    quick = [part for part in quick if part.tests]
    few, more = _FILES_AT_FIRST
    first, left = _within(quick[:few], _SECONDS_AT_FIRST)
    groups = [first, left + quick[few : few + more], quick[few + more :]]
    groups.append(sorted(slow, key=lambda part: part.seconds))
    groups = [[part for part in group if part.tests] for group in groups]
    return tuple(_stage(group) for group in groups if group)


def _picked(part: _Part, wanted: Callable[[float], bool]) -> _Part:
    seconds = part.file.seconds
    return _Part(part.file, tuple(t for t in part.tests if wanted(seconds[t])))


def _within(parts: Sequence[_Part], budget: float) -> tuple[list[_Part], list[_Part]]:
    """Returns the quickest tests that fit into some seconds, and the others."""
    every = [(p.file.seconds[test], test) for p in parts for test in p.tests]
    total = 0.0
    kept: set[str] = set()
    for seconds, test in sorted(every):
        total += seconds
        if total > budget and kept:
            break
        kept.add(test)
    first = [_Part(p.file, tuple(t for t in p.tests if t in kept)) for p in parts]
    left = [_Part(p.file, tuple(t for t in p.tests if t not in kept)) for p in parts]
    return first, left


def _stage(parts: Sequence[_Part]) -> Stage:
    seconds = sum(part.seconds for part in parts)
    return Stage(
        files=tuple(part.file.file for part in parts),
        timeout=_AT_LEAST_SECONDS + _TIMES * seconds,
        tests=tuple(test for part in parts for test in part.tests),
    )


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
        chosen.sort(key=lambda pair: self._promise(pair[0], pair[1], mutant.module))
        return Selection(
            stages=stages_of(chosen),
            known=tuple(test for one, _ in chosen for test in one.seconds),
        )

    def _promise(
        self, one: Measured, tests: set[str], module: str
    ) -> tuple[bool, bool, float]:
        """Whose tests are about the module come first, then who imports it itself."""
        folder = module.rpartition("/")[0]
        of_room = one.file.rpartition("/")[0].endswith(f"/{folder}")
        return (
            not of_room,
            module not in self.project.imports[one.file],
            one.slow(tests),
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
        stages=(Stage((file,), MEASURE_SECONDS),),
        measure=True,
        modules=tuple(project.modules()),
        packages=project.packages,
    )


def _name(project: Project, file: str) -> str:
    text = f"{file}\0{project.digest_for(file)}"
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
