"""Measures the extraction against other ways to read the same table.

Several ways to get 3 million TPC-H-like lineitem rows (about 465 MB of CSV) out of
PostgreSQL, in alternating order, medians compared:

    psql     psql -c "COPY lineitem TO STDOUT (FORMAT csv)" | zstd -1 > file
    worker   the worker's own code into files, in a process of its own
    s3       the same into the local S3 stand-in
    parts    the plan's key ranges into files, two worker processes at a time
    duckdb   DuckDB's postgres extension: COPY (SELECT ...) TO 'x.parquet'

Exits with 1 if the worker takes more than 1.15 times psql's time or 128 MB of
memory, or if parts take longer than DuckDB or more than half of its memory.
"""

import contextlib
import dataclasses
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import zstandard
from rich.console import Console
from rich.table import Table

from lambda_extract import contract
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Source
from lambda_extract.source.database import connected
from local.aurora import Aurora, running_aurora
from local.aws import server as aws
from local.processes import start_module, wait_for_port
from scripts.benchmark_lineitem import fill_lineitem
from scripts.benchmark_worker import DATABASE, TABLE

ROOT = Path(__file__).parents[1]
MAX_RATIO = 1.15
MAX_MEMORY_MB = 128
MAX_DUCKDB_RATIO = 1.0
MAX_DUCKDB_MEMORY = 0.5
BUCKET = "benchmark-landing"
WORKERS = 2
# One for each worker process.
PARTS = 2
DUCKDB = ("duckdb==1.5.5", "duckdb-extension-postgres-scanner==1.5.5")
# An environment of its own: the local Snowflake needs another version of DuckDB.
DUCKDB_FOLDER = ROOT / ".local" / "duckdb-1.5.5"


@dataclass(frozen=True)
class Run:
    """One measured extraction.

    Attributes:
        seconds: Wall time.
        bytes: Compressed size.
        rows: Rows that arrived; None if nobody counts.
        memory_mb: Peak resident memory of the reading processes; 0 for psql.
    """

    seconds: float
    bytes: int
    rows: int | None
    memory_mb: float = 0.0


@dataclass(frozen=True)
class Check:
    """One limit and what was measured.

    Attributes:
        name: What is limited.
        value: What was measured.
        limit: What it may be at most.
    """

    name: str
    value: float
    limit: float

    @property
    def good(self) -> bool:
        """Whether the limit is kept."""
        return self.value <= self.limit


def main(
    rows: Annotated[int, typer.Option(help="Rows of lineitem.")] = 3_000_000,
    rounds: Annotated[int, typer.Option(help="Measured rounds of each way.")] = 5,
    no_fail: Annotated[
        bool, typer.Option("--no-fail", help="Exit with 0 whatever was measured.")
    ] = False,
) -> None:
    """Prints the comparison."""
    console = Console()
    if shutil.which("zstd") is None:
        console.print("The zstd program is missing; its place is taken by Python's.")
    duckdb = _prepare_duckdb(console)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        console.print("Starting PostgreSQL and S3 ...")
        aurora = stack.enter_context(running_aurora(folder / "aurora"))
        landing = _start_s3(stack, folder)
        console.print(f"Writing {rows:,} rows of lineitem ...")
        csv_bytes = fill_lineitem(aurora, rows)
        files = str(folder / "landing")
        ways: dict[str, Callable[[], Run]] = {
            "psql": lambda: _run_psql(aurora, folder / "psql.csv.zst"),
            "worker": lambda: _run_worker(aurora, files),
            "s3": lambda: _run_worker(aurora, landing),
            "parts": lambda: _run_parts(aurora, files, rows),
        }
        if duckdb is not None:
            ways["duckdb"] = lambda: _run_duckdb(aurora, duckdb, folder / "x.parquet")
        runs = _alternate(ways, rounds, rows, console)
    checks = judge(runs)
    _print_ways(console, runs, csv_bytes)
    _print_checks(console, checks)
    if duckdb is None:
        console.print("FAILED: DuckDB was not there to compare with (see above).")
    good = duckdb is not None and all(check.good for check in checks)
    raise typer.Exit(0 if good or no_fail else 1)


def _prepare_duckdb(console: Console) -> Path | None:
    """Makes DuckDB's environment or finds it; None if pip cannot provide it."""
    python = DUCKDB_FOLDER / "bin" / "python"
    stamp = DUCKDB_FOLDER / ".installed"
    if stamp.exists():
        return python
    console.print(f"Installing {' and '.join(DUCKDB)} (only the first time) ...")
    shutil.rmtree(DUCKDB_FOLDER, ignore_errors=True)
    # Without its own pip: some systems ship venv without ensurepip.
    make = [sys.executable, "-m", "venv", "--without-pip", str(DUCKDB_FOLDER)]
    fill = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    for command in (make, [*fill, "--disable-pip-version-check", *DUCKDB]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            console.print(done.stderr, markup=False, highlight=False)
            console.print("DuckDB could not be installed; the rest is measured.")
            return None
    stamp.touch()
    return python


def _start_s3(stack: contextlib.ExitStack, folder: Path) -> str:
    port_file = folder / "aws.port"
    process = start_module(
        "local.aws.server",
        ["--port", "0", "--port-file", str(port_file)],
        name="aws",
        log=folder / "aws.log",
        environment={},
    )
    stack.callback(process.stop)
    url = f"http://127.0.0.1:{wait_for_port(port_file, process)}"
    os.environ.update(aws.environment(url))
    aws.make_bucket(aws.Landing(url, BUCKET, ""))
    return f"s3://{BUCKET}"


def _run_psql(aurora: Aurora, file: Path) -> Run:
    started = time.perf_counter()
    packer = ["zstd", "-1", "-q", "-c"]
    if shutil.which("zstd") is None:
        packer = [sys.executable, "-m", "scripts.run_benchmark", "--pack"]
    with file.open("wb") as output:
        psql = subprocess.Popen(
            [
                str(aurora.psql),
                "-X",
                "-q",
                aurora.dsn(DATABASE),
                "-c",
                f"COPY {TABLE} TO STDOUT (FORMAT csv)",
            ],
            stdout=subprocess.PIPE,
        )
        subprocess.run(packer, stdin=psql.stdout, stdout=output, check=True)
        if psql.wait() != 0:
            raise RuntimeError("psql failed")
    return Run(time.perf_counter() - started, file.stat().st_size, None)


class _Process:
    """A process of benchmark_worker.py, warm when it is made."""

    def __init__(self, kind: str, python: Path) -> None:
        program = Path(__file__).with_name("benchmark_worker.py")
        self._process = subprocess.Popen(
            [str(python), str(program), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self._read()

    def begin(self, task: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()

    def result(self) -> Run:
        return Run(**json.loads(self._read()))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark failed, see above")
        return line


def _run_worker(aurora: Aurora, target: str) -> Run:
    """Runs the extraction in a process of its own, as Lambda would."""
    whole = contract.Partition("00000")
    with contextlib.closing(_Process("worker", Path(sys.executable))) as process:
        process.begin(_task(aurora, target, [whole]))
        return process.result()


def _run_parts(aurora: Aurora, target: str, rows: int) -> Run:
    """Plans, and runs the parts in two processes; the plan is part of the time."""
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                contextlib.closing(_Process("worker", Path(sys.executable)))
            )
            for _ in range(WORKERS)
        ]
        started = time.perf_counter()
        parts = _plan(aurora, rows)
        waiting = deque(parts)
        with ThreadPoolExecutor(WORKERS) as pool:
            work = partial(_work_off, aurora=aurora, target=target, waiting=waiting)
            runs = list(pool.map(work, processes))
        seconds = time.perf_counter() - started
    return together(runs, seconds)


def _work_off(
    process: _Process,
    *,
    aurora: Aurora,
    target: str,
    waiting: deque[contract.Partition],
) -> Run:
    """Gives a process the next part whenever it is done with one, as the graph does."""
    runs = []
    with contextlib.suppress(IndexError):
        while True:
            process.begin(_task(aurora, target, [waiting.popleft()]))
            runs.append(process.result())
    return Run(
        sum(run.seconds for run in runs),
        sum(run.bytes for run in runs),
        sum(run.rows or 0 for run in runs),
        max((run.memory_mb for run in runs), default=0.0),
    )


def together(runs: list[Run], seconds: float) -> Run:
    """Returns processes that ran at the same time as one, their peaks added up."""
    return Run(
        seconds,
        sum(run.bytes for run in runs),
        sum(run.rows or 0 for run in runs),
        sum(run.memory_mb for run in runs),
    )


def _plan(aurora: Aurora, rows: int) -> list[contract.Partition]:
    source = Source("benchmark", "127.0.0.1", DATABASE, {}, aurora.port, "disable")
    request = contract.PlanRequest(
        run_id="run-plan",
        table=contract.TableSpec(TABLE, "benchmark", "public", TABLE),
        limits=contract.Limits(chunk_rows=math.ceil(rows / PARTS)),
    )
    with connected(
        source,
        Credentials("postgres", ""),
        application_name="benchmark",
        budget_seconds=600,
    ) as database:
        return list(plan(database, request).partitions)


def _task(
    aurora: Aurora, target: str, parts: list[contract.Partition]
) -> dict[str, Any]:
    return {
        "target": target,
        "port": aurora.port,
        "parts": [dataclasses.asdict(part) for part in parts],
    }


def _run_duckdb(aurora: Aurora, python: Path, file: Path) -> Run:
    with contextlib.closing(_Process("duckdb", python)) as process:
        process.begin({"target": str(file), "port": aurora.port})
        return process.result()


def _alternate(
    ways: dict[str, Callable[[], Run]], rounds: int, rows: int, console: Console
) -> dict[str, list[Run]]:
    """Runs each way once unmeasured, then `rounds` times in alternating order."""
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        order = list(ways) if number % 2 else list(reversed(ways))
        for name in order:
            run = ways[name]()
            if run.rows not in (None, rows):
                raise RuntimeError(f"{name}: {run.rows} rows arrived")
            if number:
                runs[name].append(run)
                console.print(f"  round {number}: {name:<7} {run.seconds:6.2f} s")
    return runs


def judge(runs: dict[str, list[Run]]) -> list[Check]:
    """Returns the limits and what was measured, for the ways that ran."""
    checks = [
        Check("worker's time / psql's", _ratio(runs, "worker", "psql"), MAX_RATIO),
        Check("worker's peak memory, MB", _peak(runs["worker"]), MAX_MEMORY_MB),
    ]
    if "duckdb" in runs:
        memory = _peak(runs["parts"]) / _peak(runs["duckdb"])
        checks += [
            Check(
                "parts' time / DuckDB's",
                _ratio(runs, "parts", "duckdb"),
                MAX_DUCKDB_RATIO,
            ),
            Check("parts' peak memory / DuckDB's", memory, MAX_DUCKDB_MEMORY),
        ]
    return checks


def _median(runs: list[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _ratio(runs: dict[str, list[Run]], way: str, base: str) -> float:
    return _median(runs[way]) / _median(runs[base])


def _peak(runs: list[Run]) -> float:
    return max(run.memory_mb for run in runs)


def _print_ways(console: Console, runs: dict[str, list[Run]], csv_bytes: int) -> None:
    table = Table(title=f"lineitem, {csv_bytes / 1e6:,.0f} MB of CSV")
    headings = ("way", "median s", "min s", "max s", "/ psql", "/ worker", "MB", "peak")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, measured in runs.items():
        seconds = [run.seconds for run in measured]
        memory = _peak(measured)
        table.add_row(
            name,
            f"{_median(measured):.2f}",
            f"{min(seconds):.2f}",
            f"{max(seconds):.2f}",
            f"{_ratio(runs, name, 'psql'):.3f}",
            f"{_ratio(runs, name, 'worker'):.3f}",
            f"{measured[0].bytes / 1e6:.0f}",
            f"{memory:.0f} MB" if memory else "",
        )
    console.print(table)


def _print_checks(console: Console, checks: list[Check]) -> None:
    table = Table(title="Limits")
    for heading in ("what", "measured", "limit", ""):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for check in checks:
        verdict = "passed" if check.good else "FAILED"
        table.add_row(check.name, f"{check.value:.3f}", f"{check.limit:g}", verdict)
    console.print(table)


def pack() -> None:
    """Stands in for the zstd program: standard input to standard output."""
    zstandard.ZstdCompressor(level=1).copy_stream(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pack"]:
        pack()
    else:
        typer.run(main)
