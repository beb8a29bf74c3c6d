"""Measures the extraction against `psql -c "COPY ..." | zstd -1` on the same server.

Three ways to get 3 million TPC-H-like lineitem rows (about 465 MB of CSV) out of
PostgreSQL, in alternating order, medians compared:

    psql     psql -c "COPY lineitem TO STDOUT (FORMAT csv)" | zstd -1 > file
    worker   the worker's own code into files, in a process of its own
    s3       the same into the local S3 stand-in

Exits with 1 where the worker takes more than 1.15 times psql's time, or more than 128
MB of memory.
"""

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import boto3
import typer
import zstandard
from psycopg2 import sql
from rich.console import Console
from rich.table import Table

from lambda_extract import contract
from lambda_extract.landing import FolderStore, S3Store, Store
from lambda_extract.operations import extract
from lambda_extract.postgres import application_name, connected
from lambda_extract.secrets import Credentials
from lambda_extract.settings import Source
from local import aws
from local.aurora import Aurora, running_aurora
from local.processes import start_module, wait_for_port

MAX_RATIO = 1.15
MAX_MEMORY_MB = 128
DATABASE = "benchmark"
BUCKET = "benchmark-landing"
WAYS = ("psql", "worker", "s3")
LINEITEM = """
    CREATE TABLE lineitem (
        l_orderkey bigint NOT NULL,
        l_partkey integer NOT NULL,
        l_suppkey integer NOT NULL,
        l_linenumber integer NOT NULL,
        l_quantity numeric(15,2) NOT NULL,
        l_extendedprice numeric(15,2) NOT NULL,
        l_discount numeric(15,2) NOT NULL,
        l_tax numeric(15,2) NOT NULL,
        l_returnflag char(1) NOT NULL,
        l_linestatus char(1) NOT NULL,
        l_shipdate date NOT NULL,
        l_commitdate date NOT NULL,
        l_receiptdate date NOT NULL,
        l_shipinstruct char(25) NOT NULL,
        l_shipmode char(10) NOT NULL,
        l_comment varchar(44) NOT NULL,
        PRIMARY KEY (l_orderkey, l_linenumber)
    )
"""
WORDS = (
    "carefully final deposits sleep quickly regular packages haggle furiously ironic"
    " accounts nag blithely special requests cajole slyly express theodolites detect"
)
FILL = """
    INSERT INTO lineitem
    SELECT
        (i / 4) * 8 + 1,
        1 + (i * 7919) % 200000,
        1 + (i * 104729) % 10000,
        1 + i % 4,
        1 + (i * 31) % 50,
        (90000 + (i * 6151) % 10400000) / 100.0,
        ((i * 17) % 11) / 100.0,
        ((i * 13) % 9) / 100.0,
        (ARRAY['A', 'N', 'R'])[1 + i % 3],
        (ARRAY['F', 'O'])[1 + i % 2],
        DATE '1992-01-02' + ((i * 37) % 2526)::int,
        DATE '1992-01-31' + ((i * 41) % 2466)::int,
        DATE '1992-01-03' + ((i * 43) % 2555)::int,
        (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])
            [1 + (i % 4)],
        (ARRAY['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'])[1 + (i % 7)],
        substr({words}, 1 + ((i * 29) % 100)::int, 22 + ((i * 11) % 23)::int)
    FROM generate_series(0::bigint, {rows} - 1) AS i
"""


@dataclass(frozen=True)
class Run:
    """One measured extraction.

    Attributes:
        seconds: Wall time.
        bytes: Compressed size.
        memory_mb: Peak resident memory of the worker process; 0 for psql.
    """

    seconds: float
    bytes: int
    memory_mb: float = 0.0


def main(
    rows: Annotated[int, typer.Option(help="Rows of lineitem.")] = 3_000_000,
    rounds: Annotated[int, typer.Option(help="Measured rounds of each way.")] = 5,
) -> None:
    """Prints the comparison."""
    console = Console()
    if shutil.which("zstd") is None:
        console.print("The zstd program is missing; its place is taken by Python's.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        console.print("Starting PostgreSQL and S3 ...")
        aurora = stack.enter_context(running_aurora(folder / "aurora"))
        landing = _start_s3(stack, folder)
        console.print(f"Writing {rows:,} rows of lineitem ...")
        csv_bytes = _fill(aurora, rows)
        ways: dict[str, Callable[[], Run]] = {
            "psql": lambda: _run_psql(aurora, folder / "psql.csv.zst"),
            "worker": lambda: _run_worker(aurora, str(folder / "landing"), rows),
            "s3": lambda: _run_worker(aurora, landing, rows),
        }
        runs = _alternate(ways, rounds, console)
    _print_table(console, runs, csv_bytes)
    raise typer.Exit(0 if _judge(console, runs) else 1)


def _start_s3(stack: contextlib.ExitStack, folder: Path) -> str:
    port_file = folder / "aws.port"
    process = start_module(
        "local.aws",
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


def _fill(aurora: Aurora, rows: int) -> int:
    """Creates lineitem and returns the size of its CSV in bytes."""
    aurora.create_database(DATABASE)
    with contextlib.closing(aurora.connect(DATABASE)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(LINEITEM)
            fill = sql.SQL(FILL)
            cursor.execute(
                fill.format(rows=sql.Literal(rows), words=sql.Literal(WORDS))
            )
            cursor.execute("VACUUM (ANALYZE, FREEZE) lineitem")
            cursor.execute("CHECKPOINT")
            counter = _Counter()
            cursor.copy_expert("COPY lineitem TO STDOUT (FORMAT csv)", counter)
            return counter.bytes


class _Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> None:
        self.bytes += len(data)


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
                "COPY lineitem TO STDOUT (FORMAT csv)",
            ],
            stdout=subprocess.PIPE,
        )
        subprocess.run(packer, stdin=psql.stdout, stdout=output, check=True)
        if psql.wait() != 0:
            raise RuntimeError("psql failed")
    return Run(time.perf_counter() - started, file.stat().st_size)


def _run_worker(aurora: Aurora, target: str, rows: int) -> Run:
    """Runs the extraction in a process of its own, as Lambda would."""
    command = [sys.executable, "-m", "scripts.run_benchmark"]
    command += ["--extract-to", target, "--port", str(aurora.port)]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(output.stdout.splitlines()[-1])
    if result["rows"] != rows:
        raise RuntimeError(f"{result['rows']} rows arrived")
    return Run(result["seconds"], result["bytes"], result["memory_mb"])


def extract_lineitem(target: str, port: int) -> None:
    """Extracts lineitem by the worker's own code and prints what it took as JSON.

    Args:
        target: "s3://bucket", or a folder.
        port: PostgreSQL's port.
    """
    store: Store
    if target.startswith("s3://"):
        bucket = target.removeprefix("s3://")
        store = S3Store(boto3.client("s3"), bucket=bucket, prefix="")
    else:
        store = FolderStore(Path(target))
    source = Source("benchmark", "127.0.0.1", DATABASE, {}, port, "disable")
    request = contract.ExtractRequest(
        run_id=f"run-{time.time_ns()}",
        table=contract.TableSpec("lineitem", "benchmark", "public", "lineitem"),
        part="00000",
        partition=contract.Partition("00000"),
    )
    # A warm container: its imports are done. The connection is part of the work.
    started = time.perf_counter()
    with connected(
        source,
        Credentials("postgres", ""),
        application_name=application_name("lineitem", request.run_id),
        budget_seconds=600,
    ) as database:
        reply = extract(database, request, store)
    seconds = time.perf_counter() - started
    for file in reply.files:
        store.delete(file.path)
    # Linux counts kilobytes, macOS bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "seconds": seconds,
                "rows": reply.rows,
                "bytes": reply.bytes,
                "memory_mb": peak / unit,
            }
        )
    )


def _alternate(
    ways: dict[str, Callable[[], Run]], rounds: int, console: Console
) -> dict[str, list[Run]]:
    """Runs each way once unmeasured, then `rounds` times in alternating order."""
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        order = list(ways) if number % 2 else list(reversed(ways))
        for name in order:
            run = ways[name]()
            if number:
                runs[name].append(run)
                console.print(f"  round {number}: {name:<7} {run.seconds:6.2f} s")
    return runs


def _median(runs: list[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _print_table(console: Console, runs: dict[str, list[Run]], csv_bytes: int) -> None:
    table = Table(title=f"lineitem, {csv_bytes / 1e6:,.0f} MB of CSV")
    for heading in ("way", "median s", "min s", "max s", "ratio", "MB", "peak MB"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    base = _median(runs["psql"])
    for name in WAYS:
        seconds = [run.seconds for run in runs[name]]
        memory = max(run.memory_mb for run in runs[name])
        table.add_row(
            name,
            f"{_median(runs[name]):.2f}",
            f"{min(seconds):.2f}",
            f"{max(seconds):.2f}",
            f"{_median(runs[name]) / base:.3f}",
            f"{runs[name][0].bytes / 1e6:.0f}",
            f"{memory:.0f}" if memory else "",
        )
    console.print(table)


def _judge(console: Console, runs: dict[str, list[Run]]) -> bool:
    ratio = _median(runs["worker"]) / _median(runs["psql"])
    memory = max(run.memory_mb for run in runs["worker"])
    good = ratio <= MAX_RATIO and memory < MAX_MEMORY_MB
    console.print(
        f"{'PASSED' if good else 'FAILED'}: {ratio:.3f} x psql | zstd -1"
        f" (limit {MAX_RATIO}), peak memory {memory:.0f} MB (limit {MAX_MEMORY_MB})"
    )
    return good


def pack() -> None:
    """Stands in for the zstd program: standard input to standard output."""
    zstandard.ZstdCompressor(level=1).copy_stream(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pack"]:
        pack()
    elif sys.argv[1:2] == ["--extract-to"]:
        extract_lineitem(sys.argv[2], int(sys.argv[4]))
    else:
        typer.run(main)
