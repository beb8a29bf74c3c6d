"""What run_benchmark.py starts as a process of its own: the worker's code, and DuckDB.

A process says "ready" when its imports are done, as a warm Lambda container's are. It
then takes one task a line from its standard input and prints one result a line, both
as JSON, until the input ends.
"""

import json
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

DATABASE = "benchmark"
TABLE = "lineitem"
EXTENSION = "duckdb_extension_postgres_scanner"


def peak_memory_mb() -> float:
    """Returns the peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage() would count what the parent process held when it forked.
        (line,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(line) / 1024
    # macOS counts bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def serve_worker() -> None:
    """Extracts lineitem, or parts of it, by the worker's own code.

    A task is `{"target": "s3://bucket" or a folder, "port": ..., "parts": [...]}`, each
    part a contract.Partition as an object.
    """
    # Here, because DuckDB's environment has none of these.
    from lambda_extract import contract
    from lambda_extract.credentials.secrets import Credentials
    from lambda_extract.landing.stores import FolderStore, S3Store, Store
    from lambda_extract.operations.extract import extract
    from lambda_extract.settings import Source
    from lambda_extract.source.database import application_name, connected

    def store_of(target: str) -> Store:
        if not target.startswith("s3://"):
            return FolderStore(Path(target))
        import boto3

        bucket = target.removeprefix("s3://")
        return S3Store(boto3.client("s3"), bucket=bucket, prefix="")

    def run(task: dict[str, Any]) -> dict[str, Any]:
        store = store_of(task["target"])
        source = Source("benchmark", "127.0.0.1", DATABASE, {}, task["port"], "disable")
        files: list[contract.File] = []
        started = time.perf_counter()
        for values in task["parts"]:
            partition = read_partition(values)
            request = contract.ExtractRequest(
                run_id=f"run-{time.time_ns()}",
                table=contract.TableSpec(TABLE, "benchmark", "public", TABLE),
                part=partition.part,
                partition=partition,
            )
            # One connection for each request, as in Lambda.
            with connected(
                source,
                Credentials("postgres", ""),
                application_name=application_name(TABLE, request.run_id),
                budget_seconds=600,
            ) as database:
                files += extract(database, request, store).files
        seconds = time.perf_counter() - started
        for file in files:
            store.delete(file.path)
        return {
            "seconds": seconds,
            "rows": sum(file.rows for file in files),
            "bytes": sum(file.bytes for file in files),
            "memory_mb": peak_memory_mb(),
        }

    def read_partition(values: dict[str, Any]) -> contract.Partition:
        lower, upper = values["lower"], values["upper"]
        return contract.Partition(
            part=values["part"],
            columns=tuple(values["columns"]),
            lower=None if lower is None else tuple(lower),
            upper=None if upper is None else tuple(upper),
        )

    _serve(run)


def serve_duckdb() -> None:
    """Copies lineitem to a Parquet file by DuckDB's postgres extension.

    A task is `{"target": file, "port": ...}`.
    """
    # Only DuckDB's own environment has these.
    import duckdb

    folder = Path(duckdb.__file__).parent.parent / EXTENSION
    (file,) = folder.glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension")

    def run(task: dict[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
            connection.execute(f"LOAD '{file}'")
            connection.execute(
                f"ATTACH 'host=127.0.0.1 port={int(task['port'])} user=postgres"
                f" dbname={DATABASE}' AS source (TYPE postgres, READ_ONLY)"
            )
            copied = connection.execute(
                f"COPY (SELECT * FROM source.public.{TABLE}) TO '{task['target']}'"
            ).fetchall()
        return {
            "seconds": time.perf_counter() - started,
            "rows": copied[0][0],
            "bytes": Path(task["target"]).stat().st_size,
            "memory_mb": peak_memory_mb(),
        }

    _serve(run)


def _serve(run: Any) -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    {"worker": serve_worker, "duckdb": serve_duckdb}[sys.argv[1]]()
