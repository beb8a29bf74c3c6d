"""scripts/run_local: the main job is shown, the stack usable, nothing stays behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import snowflake.connector

from local.aurora import start_aurora
from local.processes import REPOSITORY

pytestmark = pytest.mark.large

SECONDS = 120


def run_local(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "scripts.run_local"),
            *("--folder", str(folder), *options),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """A run with --serve that has written connections.json."""
    folder = tmp_path_factory.mktemp("served")
    process = run_local(folder, "--serve")
    connections = folder / "connections.json"
    deadline = time.monotonic() + SECONDS
    try:
        while not connections.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process, json.loads(connections.read_text())
    finally:
        process.kill()
        process.wait()


def test_both_ends_can_be_reached_with_connections_json(serving: tuple) -> None:
    _, connections = serving
    assert set(connections) == {"aurora", "snowflake", "aws", "gateway"}
    assert set(connections["aws"]) == {"endpoint_url", "bucket"}
    assert connections["gateway"]["url"].startswith("http://127.0.0.1:")
    assert set(connections["snowflake"]) == {
        *("host", "port", "protocol", "account", "user", "password"),
        *("database", "schema"),
    }
    with contextlib.closing(psycopg2.connect(connections["aurora"]["dsn"])) as source:
        with source, source.cursor() as cursor:
            cursor.execute("UPDATE orders SET comment = 'by hand' WHERE id = 42")
    with contextlib.closing(
        snowflake.connector.connect(**connections["snowflake"])
    ) as target:
        cursor = target.cursor()
        cursor.execute("CALL SYNC_TABLE('orders')")
        cursor.execute("SELECT comment FROM shop.orders WHERE id = 42")
        assert cursor.fetchall() == [("by hand",)]


def test_a_second_stack_in_the_same_folder_is_refused(
    serving: tuple, tmp_path: Path
) -> None:
    process, _ = serving
    folder = Path(process.args[process.args.index("--folder") + 1])
    second = run_local(folder)
    output, _ = second.communicate(timeout=SECONDS)
    assert second.returncode == 1
    assert "already running" in output
    assert process.poll() is None


def test_ctrl_c_ends_it_and_leaves_no_process_behind(serving: tuple) -> None:
    process, _ = serving
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "Equal:" in output
    folder = Path(process.args[process.args.index("--folder") + 1])
    assert not (folder / "connections.json").exists()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_a_postgresql_of_ones_own_is_used(tmp_path: Path) -> None:
    aurora = start_aurora(tmp_path / "own", password="a secret: 'x'")
    try:
        process = run_local(tmp_path / "run", "--aurora-dsn", aurora.dsn())
        output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, output
        assert "Equal:" in output
        with contextlib.closing(aurora.connect()) as source:
            with source.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM orders")
                assert cursor.fetchone()[0] > 10_000
    finally:
        aurora.stop()


def test_an_unreachable_postgresql_is_said_in_one_line(tmp_path: Path) -> None:
    process = run_local(tmp_path, "--aurora-dsn", "postgresql://nobody@127.0.0.1:1/x")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "Connection refused" in output
    assert "Traceback" not in output
