"""The mutation run: draws mutants, runs the tests that execute them, level by level."""

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.mutations.equivalents import Equivalent, read_equivalents, unmatched
from scripts.mutations.project import Project
from scripts.mutations.python_code import mutants
from scripts.mutations.report import Outcome
from scripts.mutations.results import Result, Results, holds, rests_on, result_key
from scripts.mutations.sample import sample
from scripts.mutations.selection import Selection, Measurements, measure
from scripts.mutations.source import Mutant
from scripts.mutations.workers import Job, Worker, run_jobs, running_workers

# Nothing was left to run: exit code of pytest.
_NO_TESTS = 5


@dataclass(frozen=True)
class Options:
    """What is tried, and how.

    Attributes:
        seed: Which mutants are drawn.
        per_module: How many of each module; 0 for all.
        modules: Pattern of the modules' paths.
        tests: Pattern of the paths of the tests that may notice a mutant.
        all_levels: Also run the end-to-end tests for what the unit tests let pass.
        resume: Keep the results of an earlier run of the same code and tests.
        processes: How many mutants are tried at a time.
        folder: For the copies of the tree, what was measured, and the results.
        equivalents: The reviewed list.
    """

    folder: Path
    equivalents: Path
    seed: int = 1
    per_module: int = 10
    modules: str = "*"
    tests: str = "*"
    all_levels: bool = False
    resume: bool = False
    processes: int = 2


@dataclass(frozen=True)
class Drawn:
    """The mutants of a run.

    Attributes:
        mutants: Those that are tried.
        equivalent: Module -> mutants left out because they change nothing.
        unmatched: Entries of the reviewed list that mean no mutant any more.
    """

    mutants: list[Mutant]
    equivalent: dict[str, int]
    unmatched: list[Equivalent]


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes:
        failed: Tests that fail without any change, and notice nothing.
    """

    drawn: Drawn
    outcomes: list[Outcome]
    failed: list[str]


Progress = Callable[[str], None]


def draw(project: Project, options: Options) -> Drawn:
    """Draws the mutants of the modules asked for.

    Raises:
        EquivalentsError: The reviewed list cannot be used.
    """
    entries = read_equivalents(options.equivalents)
    left_out = {entry.fingerprint for entry in entries}
    chosen: list[Mutant] = []
    every: list[Mutant] = []
    equivalent: Counter[str] = Counter()
    modules = project.modules(options.modules)
    for module in modules:
        source = project.source(module)
        found = mutants(source)
        every += found
        kept = [one for one in found if one.fingerprint not in left_out]
        equivalent[module] = len(found) - len(kept)
        chosen += sample(source, kept, options.seed, options.per_module)
    # Entries of modules that are not asked for say nothing; of those that are gone, do.
    others = set(project.modules()) - set(modules)
    stale = [one for one in unmatched(entries, every) if one.module not in others]
    return Drawn(chosen, dict(equivalent), stale)


def run(project: Project, options: Options, progress: Progress) -> Report:
    """Tries the mutants drawn and returns what became of them.

    Raises:
        EquivalentsError: The reviewed list cannot be used.
        WorkerError: A worker has ended by itself.
    """
    drawn = draw(project, options)
    progress(f"{len(drawn.mutants)} mutants")
    results = Results(options.folder / "results.jsonl", resume=options.resume)
    try:
        with running_workers(project, options.folder, options.processes) as workers:
            unit, others = (
                _Level(project, workers, results, progress, options.tests, folder)
                for folder in (project.unit, project.end_to_end)
            )
            kept = options.folder / "measured"
            tests = unit.measured(drawn.mutants, kept)
            found = unit.run(tests, drawn.mutants)
            failed = tests.failed
            survived = [one for one in drawn.mutants if not found[one].noticed]
            if options.all_levels and survived:
                more = others.measured(survived, kept)
                for mutant, result in others.run(more, survived).items():
                    tests_run = found[mutant].tests + result.tests
                    found[mutant] = Outcome(
                        mutant, result.noticed, result.by, tests_run
                    )
                failed = failed + more.failed
    finally:
        results.close()
    return Report(drawn, list(found.values()), failed)


@dataclass
class _Level:
    """Runs mutants against the tests of one folder."""

    project: Project
    workers: Sequence[Worker]
    results: Results
    progress: Progress
    pattern: str
    folder: str

    def measured(self, chosen: Sequence[Mutant], kept: Path) -> Measurements:
        modules = {mutant.module for mutant in chosen}
        found = self.project.tests(self.folder, modules)
        files = fnmatch.filter(found, self.pattern)
        return measure(self.project, self.workers, files, kept, self.progress)

    def run(
        self, tests: Measurements, chosen: Sequence[Mutant]
    ) -> dict[Mutant, Outcome]:
        """Returns the outcome of each mutant."""
        found: dict[Mutant, Outcome] = {}
        jobs: list[tuple[tuple[Mutant, Selection], Job]] = []
        for mutant in chosen:
            selection = tests.select(mutant)
            known = self.results.get(self._key(mutant))
            if known is not None and holds(self.project, known, selection):
                found[mutant] = _outcome(mutant, known)
            elif not selection.tests:
                found[mutant] = Outcome(mutant, False, "", 0)
            else:
                jobs.append(((mutant, selection), self._job(mutant, selection)))
        for number, (mutant, result) in enumerate(self._done(jobs), 1):
            self.results.add(result)
            found[mutant] = _outcome(mutant, result)
            said = f"noticed by {result.by}" if result.noticed else "SURVIVED"
            place = f"{mutant.module}:{mutant.line} {mutant.edit.kind}"
            self.progress(
                f"{number} of {len(jobs)}: {place}: {said}, {result.seconds:.1f} s"
            )
        return found

    def _key(self, mutant: Mutant) -> str:
        return result_key(self.project, mutant, self.folder)

    def _job(self, mutant: Mutant, selection: Selection) -> Job:
        source = self.project.source(mutant.module)
        return selection.job(mutant.module, mutant.applied(source))

    def _done(
        self, jobs: Sequence[tuple[tuple[Mutant, Selection], Job]]
    ) -> Iterator[tuple[Mutant, Result]]:
        for (mutant, selection), answer in run_jobs(self.workers, jobs):
            by = _noticed_by(answer)
            yield mutant, Result(
                key=self._key(mutant),
                noticed=by is not None,
                by=by or "",
                tests=len(selection.tests),
                seconds=round(answer["seconds"], 2),
                rests_on=rests_on(self.project, selection, by or ""),
            )


def _outcome(mutant: Mutant, result: Result) -> Outcome:
    return Outcome(mutant, result.noticed, result.by, result.tests)


def _noticed_by(answer: dict[str, Any]) -> str | None:
    """Returns what noticed a mutant; None if nothing did."""
    if answer["timeout"]:
        return "a time-out"
    if answer["failed"]:
        return str(answer["failed"][0])
    if answer["exit"] is None:
        return "the end of the process"
    if answer["exit"] in (0, _NO_TESTS):
        return None
    return f"pytest, which ended with {answer['exit']}"
