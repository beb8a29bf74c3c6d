"""Runs tests in a copy of the tree, one job after another; started by workers.py.

A process of its own that knows the third-party libraries of the tests and nothing of
the project. Each job is a fork of it, so that the project's modules are imported
afresh, and the libraries are not. Jobs and answers are lines of JSON.

Started as a file, without the project on its path: it must not import the project's
modules from anywhere but the copy.
"""

import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import json
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import _pytest
import coverage
import psutil
import pytest

MEASURE_HERE = Path(__file__).resolve().parent / "measure"
# Nothing was left to run: exit code of pytest.
_NO_TESTS = 5


def main() -> None:
    """Runs jobs until standard input ends."""
    copy = Path(sys.argv[1]).resolve()
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    # Bytecode is kept: a fork would compile every module again.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Tests that find this make a server once, and start copies of it.
    template = copy.with_name(f"{copy.name}-aurora")
    shutil.rmtree(template, ignore_errors=True)
    os.environ["AURORA_TEMPLATE"] = str(template)
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    preload(json.loads(sys.argv[2]))
    # A fork need not look through what will never be garbage.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        answers.write(json.dumps(_Job(copy, json.loads(line)).run()) + "\n")


def preload(libraries: list[str]) -> None:
    """Imports what the tests need of others; a library that cannot be is left to them.

    Raises:
        RuntimeError: A library started a thread: a fork would not have it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in [*_pytest_modules(), *libraries]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("A library starts a thread when it is imported.")


def _pytest_modules() -> list[str]:
    """Returns what pytest itself imports when it starts, its plugins as well."""
    own = pkgutil.iter_modules(_pytest.__path__, "_pytest.")
    plugins = importlib.metadata.entry_points(group="pytest11")
    names = [module.name for module in own] + [plugin.module for plugin in plugins]
    return [*names, "hypothesis"]


class _TimeIsUp(Exception):
    pass


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(signum: int, frame: object) -> None:
        raise _TimeIsUp

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class _Job:
    """One run of pytest, in a fork."""

    # Each write gives a file another time, and takes its bytecode away: both are known
    # by time and size, and one text may have the size of the other.
    written = int(time.time())

    def __init__(self, copy: Path, job: dict[str, Any]) -> None:
        self.copy = copy
        self.job = job

    def run(self) -> dict[str, Any]:
        """Puts the change in, runs the tests, and takes it back."""
        if self.job["module"] is None:
            return self._stages()
        file = self.copy / self.job["module"]
        before = file.read_bytes()
        self._write(file, self.job["text"].encode())
        try:
            return self._stages()
        finally:
            self._write(file, before)

    def _stages(self) -> dict[str, Any]:
        """Runs what is quick before what is slow, up to what notices the change."""
        seconds = 0.0
        answer: dict[str, Any] = {}
        for stage in self.job["stages"]:
            answer = self._in_fork({**self.job, **stage})
            seconds += answer["seconds"]
            if answer["timeout"] or answer["exit"] not in (0, _NO_TESTS):
                break
        return {**answer, "seconds": seconds}

    def _write(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        _Job.written += 1
        os.utime(file, (_Job.written, _Job.written))
        for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            cached.unlink(missing_ok=True)

    def _in_fork(self, stage: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutations-") as name:
            folder = Path(name)
            worker = os.getpid()
            pid = os.fork()
            if pid == 0:
                _child(worker, stage, folder)
            ended = self._wait(pid, stage["timeout"])
            answer = folder / "answer.json"
            found = json.loads(answer.read_text()) if answer.exists() else {}
            output = (folder / "output").read_text(errors="replace")
        return {
            "exit": None,
            "failed": [],
            "output": output[-4000:],
            **found,
            "timeout": not ended,
            "seconds": time.monotonic() - started,
        }

    def _wait(self, pid: int, timeout: float) -> bool:
        """Waits for the fork; returns False if it had to be ended."""
        try:
            with _alarm(timeout):
                os.waitpid(pid, 0)
            return True
        except _TimeIsUp:
            process = psutil.Process(pid)
            for one in [*process.children(recursive=True), process]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            os.waitpid(pid, 0)
            return False
        finally:
            # What a changed program has left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


# Linux: the signal that a process gets when its parent has ended.
_PR_SET_PDEATHSIG = 1


def _ends_with(worker: int) -> None:
    """Ends this process with its worker, whose end a changed loop would outlive."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:
        os._exit(1)


def _child(worker: int, job: dict[str, Any], folder: Path) -> None:
    """The fork: runs pytest, writes the answer, and ends without cleaning up twice."""
    try:
        _ends_with(worker)
        os.setsid()
        output = os.open(folder / "output", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["pytest"]
        answer = _measured(job, folder) if job["measure"] else _tested(job, folder)
        (folder / "answer.tmp").write_text(json.dumps(answer))
        (folder / "answer.tmp").rename(folder / "answer.json")
    finally:
        os._exit(0)


def _arguments(job: dict[str, Any], folder: Path) -> list[str]:
    options = ["-q", "--no-header", "--no-summary", "--tb=short", "-m", "not large"]
    options += ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly"]
    options += [
        "--color=no",
        "--rootdir=.",
        f"--basetemp={folder / 'tmp'}",
        *job["files"],
    ]
    return options


def _tested(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Runs the tests asked for, up to the first that fails."""
    chosen = Chosen(job["tests"], job["known"])
    code = pytest.main(["-x", *_arguments(job, folder)], plugins=[chosen])
    return {"exit": int(code), "failed": chosen.failed}


def _measured(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Runs whole files, and says which lines each test runs."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    options: dict[str, Any] = {
        "config_file": False,
        # Also where an archive of them is unpacked. The copy's own tests, not whatever
        # lies below a folder of that name: the tree itself may.
        "include": [f"*/{package}/*" for package in job["packages"]],
        "omit": ["*/site-packages/*", str(Path.cwd() / "tests" / "*")],
        "messages": False,
    }
    # For the processes that the tests start.
    os.environ["MUTATIONS_MEASURE"] = json.dumps(
        {"data_file": str(elsewhere / "data"), **options}
    )
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(MEASURE_HERE), path]))
    measure = coverage.Coverage(data_file=str(folder / "here"), **options)
    measure.start()
    plugin = Measured(measure)
    code = pytest.main(_arguments(job, folder), plugins=[plugin])
    measure.stop()
    measure.save()
    tests = list(plugin.seconds)
    places = {name: number for number, name in enumerate(tests)}
    modules = frozenset(job["modules"])
    lines: dict[str, dict[str, list[int]]] = {}
    whole: dict[str, list[int]] = {}
    data = measure.get_data()
    for file in data.measured_files():
        module = module_of(file, modules)
        for line, contexts in data.contexts_by_lineno(file).items():
            if module and (found := [places[c] for c in contexts if c in places]):
                lines.setdefault(module, {})[str(line)] = found
            if module and not all(contexts):
                whole.setdefault(module, []).append(line)
    for part in elsewhere.iterdir():
        _add_elsewhere(part, modules, whole)
    return {
        "exit": int(code),
        "failed": plugin.failed,
        "tests": tests,
        "durations": [round(plugin.seconds[name], 3) for name in tests],
        "lines": lines,
        "whole": {module: sorted(set(found)) for module, found in whole.items()},
    }


def _add_elsewhere(
    part: Path, modules: frozenset[str], whole: dict[str, list[int]]
) -> None:
    """Adds the lines that another process of the tests has run."""
    data = coverage.CoverageData(str(part))
    try:
        data.read()
    except coverage.CoverageException:
        return  # killed while it wrote: the process said what it had run before
    for file in data.measured_files():
        module = module_of(file, modules)
        if module:
            whole.setdefault(module, []).extend(data.lines(file) or [])


def module_of(file: str, modules: frozenset[str]) -> str | None:
    """Returns the module of a file that may lie in an unpacked archive."""
    parts = Path(file).parts
    for at in range(1, len(parts)):
        name = "/".join(parts[at:])
        if name in modules:
            return name
    return None


class Chosen:
    """Runs the tests asked for, and what is new of their functions."""

    def __init__(self, tests: list[str] | None, known: list[str]) -> None:
        self.tests = None if tests is None else set(tests)
        self.functions = {name.split("[")[0] for name in tests or ()}
        self.known = set(known)
        self.failed: list[str] = []

    def pytest_sessionstart(self) -> None:
        """The same examples at each run, and no search for the smallest one."""
        with contextlib.suppress(ImportError):
            from hypothesis import Phase, settings

            phases = (Phase.explicit, Phase.generate)
            settings.register_profile(
                "mutations",
                derandomize=True,
                phases=phases,
                database=None,
                deadline=None,
            )
            settings.load_profile("mutations")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leaves out what does not run the changed line."""
        kept = [item for item in items if self._is_wanted(item.nodeid)]
        config.hook.pytest_deselected(items=[i for i in items if i not in kept])
        items[:] = kept

    def _is_wanted(self, name: str) -> bool:
        if self.tests is None or name in self.tests:
            return True
        # A change may give a parameter another name.
        return name not in self.known and name.split("[")[0] in self.functions

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the names of what fails."""
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keeps the names of what cannot be imported."""
        if report.failed:
            self.failed.append(report.nodeid)


class Measured(Chosen):
    """Notes which test runs which line, and how long each takes."""

    def __init__(self, measure: coverage.Coverage) -> None:
        super().__init__(None, [])
        self.measure = measure
        self.seconds: dict[str, float] = {}
        self.running = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        """What is run from here on is run by this test."""
        self.running = item.nodeid
        self.measure.switch_context(self.running)
        started = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - started
        self.running = ""
        self.measure.switch_context("")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """What a shared fixture runs is met by each test of the file."""
        shared = fixturedef.scope != "function"
        if shared:
            self.measure.switch_context("")
        result = yield
        if shared:
            self.measure.switch_context(self.running)
        return result


if __name__ == "__main__":
    main()
