"""Children of the stack start, stop, and never outlive their parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local import processes
from local.processes import (
    REPOSITORY,
    ProcessFailed,
    start_module,
    wait_for_port,
)

PARENT = """
import sys, time
from pathlib import Path
from local.processes import start_module, wait_for_port
folder = Path(sys.argv[1])
port_file = folder / "port"
child = start_module(
    "local.aws.server", ["--port", "0", "--port-file", str(port_file)],
    name="aws", log=folder / "log", environment={},
)
wait_for_port(port_file, child)
print(child.popen.pid, flush=True)
time.sleep(600)
"""


def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert not alive


def test_a_child_stops_when_asked_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is: nobody has to insist.
    monkeypatch.setattr(processes, "STOP_SECONDS", 60)
    port_file = tmp_path / "port"
    child = start_module(
        "local.aws.server",
        ["--port", "0", "--port-file", str(port_file)],
        name="aws",
        log=tmp_path / "log",
        environment={},
    )
    assert wait_for_port(port_file, child) > 0
    child.check_alive()
    child.stop()
    assert child.popen.returncode != -signal.SIGKILL
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_child_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = start_module(
        "local.aws.server",
        ["--port", "no-number"],
        name="aws",
        log=tmp_path / "log",
        environment={},
    )
    with pytest.raises(ProcessFailed, match="(?s)aws stopped .* invalid int value"):
        wait_for_port(tmp_path / "port", child)
    child.stop()
