"""Processes that run tests in copies of the tree, so that the tree is never touched."""

import contextlib
import fcntl
import json
import queue
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from scripts.mutations.project import Project

_PROGRAM = Path(__file__).parent / "worker.py"
_Name = TypeVar("_Name")


class WorkerError(RuntimeError):
    """A worker has ended by itself."""


@dataclass(frozen=True)
class Stage:
    """One run of pytest.

    Attributes:
        files: Files with tests.
        timeout: Seconds after which everything of the run is killed.
        tests: Names of the tests to run; None for all of the files.
    """

    files: tuple[str, ...]
    timeout: float
    tests: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Job:
    """What a worker runs.

    Attributes:
        stages: One after another, until one of them notices the change.
        known: Names of all tests that the files have without a change.
        module: The changed module, if any.
        text: Its text.
        measure: Say which test runs which line of `modules`, in `packages`.
    """

    stages: tuple[Stage, ...]
    known: tuple[str, ...] = ()
    module: str | None = None
    text: str | None = None
    measure: bool = False
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass
class Worker:
    """A running worker with its copy of the tree."""

    process: "subprocess.Popen[str]"
    log: Path = field(repr=False)

    def run(self, job: Job) -> dict[str, Any]:
        """Runs a job; returns what worker.py answers.

        Raises:
            WorkerError: The worker has ended.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(asdict(job)) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            end = self.log.read_text(errors="replace")[-2000:]
            code = self.process.wait()
            raise WorkerError(
                f"A worker ended with exit code {code}; --resume goes on."
                f" The end of {self.log}:\n{end}"
            )
        found: dict[str, Any] = json.loads(answer)
        return found


@contextlib.contextmanager
def running_workers(
    project: Project, folder: Path, number: int
) -> Iterator[list[Worker]]:
    """Runs workers for the length of a `with` block.

    Args:
        folder: For the copies and the workers' logs; kept for the next time.

    Raises:
        WorkerError: Another run is changing these copies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as cleanup:
        # Two runs would meet each other's changes.
        lock = cleanup.enter_context((folder / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorkerError("Another mutation run is at work here.") from error
        workers = []
        for place in range(number):
            copy = folder / f"copy-{place}"
            project.copy(copy)
            log = folder / f"worker-{place}.log"
            output = cleanup.enter_context(log.open("w"))
            process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM), str(copy)]
                + [json.dumps(project.libraries)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
            cleanup.callback(_stop, process)
            workers.append(Worker(process, log))
        yield workers


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    process.terminate()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def run_jobs(
    workers: Sequence[Worker], jobs: Sequence[tuple[_Name, Job]]
) -> Iterator[tuple[_Name, dict[str, Any]]]:
    """Runs jobs on whichever worker is free; yields each with its name when it is done.

    Raises:
        WorkerError: A worker has ended.
    """
    free: queue.Queue[Worker] = queue.Queue()
    for worker in workers:
        free.put(worker)

    def run(job: Job) -> dict[str, Any]:
        worker = free.get()
        try:
            return worker.run(job)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(len(workers)) as pool:
        names = {pool.submit(run, job): name for name, job in jobs}
        try:
            for future in as_completed(names):
                yield names[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
