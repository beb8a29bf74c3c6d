"""Child processes of the local stack that never outlive it.

Each child is started as `python -m local.processes MODULE ARGUMENTS...` and holds the
reading end of a pipe whose writing end belongs to the parent alone. When the parent
ends, however it ends (kill -9 too), the pipe closes and the child stops itself. Linux's
PR_SET_PDEATHSIG would do the same, but it fires when the starting *thread* ends, and
other systems do not have it.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 5.0
POLL_SECONDS = 0.02
REPOSITORY = Path(__file__).resolve().parents[1]


class ProcessFailed(RuntimeError):
    """A process of the local stack did not start or stopped by itself."""


@dataclass(frozen=True)
class Process:
    """A running child.

    Attributes:
        name: Name for people, also of the log file.
        popen: The process; its stdin is the pipe that keeps it alive.
        log: File that holds what it printed.
    """

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def check_alive(self) -> None:
        """Raises ProcessFailed, with the log's end, if the child has stopped."""
        code = self.popen.poll()
        if code is not None:
            raise ProcessFailed(
                f"{self.name} stopped with exit code {code}. "
                f"The end of {self.log}:\n{_tail(self.log)}"
            )

    def stop(self) -> None:
        """Asks the child to stop, insists after a few seconds, and reaps it."""
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            self.popen.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        if self.popen.stdin is not None:
            self.popen.stdin.close()


def start_module(
    module: str,
    arguments: Sequence[str],
    *,
    name: str,
    log: Path,
    environment: Mapping[str, str],
) -> Process:
    """Starts `python -m module arguments` so that it cannot outlive this process.

    Args:
        module: Module to run as __main__.
        arguments: Its command line.
        name: Name for people.
        log: File for its output; replaced.
        environment: Added to this process's own environment.
    """
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, "-m", "local.processes", module, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal reaches the whole foreground group. The children
            # leave it, so that they are stopped in order and by the parent only.
            start_new_session=True,
        )
    return Process(name=name, popen=popen, log=log)


def wait_until(
    ready: Callable[[], bool], *, what: str, process: Process, seconds: float = 60.0
) -> None:
    """Waits until `ready()` is true.

    Raises:
        ProcessFailed: The process stopped, or `seconds` went by.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        process.check_alive()
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"{process.name}: {what} did not happen within {seconds:.0f} s. "
                f"The end of {process.log}:\n{_tail(process.log)}"
            )
        time.sleep(POLL_SECONDS)


def wait_for_port(port_file: Path, process: Process) -> int:
    """Waits until the process has written its port into the file, and returns it."""

    def written() -> bool:
        return port_file.exists() and port_file.read_text().strip().isdigit()

    wait_until(written, what="listening on a port", process=process)
    return int(port_file.read_text())


def _tail(log: Path, lines: int = 15) -> str:
    try:
        text = log.read_text(errors="replace")
    except OSError as error:
        return f"(not readable: {error.strerror})"
    return "\n".join(text.splitlines()[-lines:])


def _run_guarded(arguments: list[str]) -> None:
    """Runs a module in this process and stops when standard input closes."""
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    signal.signal(signal.SIGTERM, _exit_quietly)
    # argv[0] is replaced by the module's file, as `python -m` does.
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _stop_at_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # lets the module clean up
    time.sleep(STOP_SECONDS)
    os._exit(1)


def _exit_quietly(signum: int, frame: object) -> None:
    """The module may install its own handler; this one ends it without a traceback."""
    sys.exit(0)


if __name__ == "__main__":
    _run_guarded(sys.argv[1:])
