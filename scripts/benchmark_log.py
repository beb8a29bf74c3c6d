"""What the benchmark of mode log runs: one server, its log, and who reads it."""

import contextlib
import csv
import io
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import zstandard

from lambda_extract import contract
from lambda_extract.changes import capture as changes_capture
from lambda_extract.changes.slots import lsn_number
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.extract import extract
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Source
from lambda_extract.source.database import Database, connected
from local.aurora import Aurora

DATABASE = "shop"
_TICKS = os.sysconf("SC_CLK_TCK")
# The least time of a processor that is told, in seconds.
TICK = 1 / _TICKS
# 13 columns beside the key, the time and a text of some length.
MORE = [f"c{i}" for i in range(13)]


@dataclass(frozen=True)
class Taken:
    """What something took: wall seconds, and CPU seconds of all server processes."""

    seconds: float
    cpu: float


class Lab:
    """A server with a database, and what is done with it."""

    def __init__(self, server: Aurora, folder: Path) -> None:
        self.server = server
        self.folder = folder
        server.create_database(DATABASE)
        self.owner = server.connect(DATABASE)
        self.parts = 0
        self.source = Source(
            DATABASE, "127.0.0.1", DATABASE, {}, server.port, "disable"
        )

    def sql(self, text: str) -> list[Any]:
        with self.owner.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []

    def orders(self, rows: int) -> None:
        """Makes a table of 16 columns."""
        more = ", ".join(f"{name} int NOT NULL DEFAULT 7" for name in MORE)
        self.sql(
            "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL,"
            f" updated_at timestamptz NOT NULL DEFAULT now(), {more})"
        )
        self.sql(
            "INSERT INTO orders (id, note) SELECT i, 'note number ' || i"
            f" FROM generate_series(1, {rows}) AS i"
        )
        self.sql("VACUUM ANALYZE orders")

    def update(self, changes: int, transactions: int, rows: int) -> None:
        """Updates random rows, so many in each transaction."""
        each = changes // transactions
        for number in range(transactions):
            self.sql(
                f"UPDATE orders SET c0 = {number}, updated_at = now() WHERE id IN"
                f" (SELECT 1 + (i::bigint * 7919 + {number} * 104729) % {rows}"
                f" FROM generate_series(1, {each}) AS i)"
            )
        self.sql("CHECKPOINT")

    def publish(self, name: str, what: str) -> contract.LogSpec:
        self.sql(f"CREATE PUBLICATION {name} FOR TABLE {what}")
        log = contract.LogSpec(f"aurora_sync_{name}", name)
        self.slot(log.slot)
        return log

    def slot(self, name: str) -> None:
        self.sql(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")

    def drop(self, *names: str) -> None:
        for name in names:
            self.sql(f"SELECT pg_drop_replication_slot('{name}')")

    def flushed(self) -> str:
        return str(self.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0])

    @contextlib.contextmanager
    def session(self) -> Iterator[Database]:
        with connected(
            self.source,
            Credentials("postgres", ""),
            application_name="benchmark",
            budget_seconds=600,
        ) as database:
            yield database

    def capture(
        self, log: contract.LogSpec, from_lsn: str | None = None, *tables: str
    ) -> contract.CaptureReply:
        """Captures as the Lambda function does."""
        self.parts += 1
        request = contract.CaptureRequest(
            "r1",
            DATABASE,
            log,
            f"p{self.parts}",
            tuple(contract.CaptureTable(t, "public", t) for t in tables or ("orders",)),
            from_lsn=from_lsn,
        )
        with self.session() as database:
            return changes_capture.capture(
                database, request, FolderStore(self.folder), source=self.source
            )

    def spec(self, table: str) -> contract.TableSpec:
        return contract.TableSpec(table, DATABASE, "public", table)

    def settled(self, log: contract.LogSpec, table: str) -> contract.LogIdentity:
        """Returns what a table is, as a plan does before a first load."""
        with self.session() as database:
            request = contract.PlanRequest("r1", self.spec(table), log=log)
            reply = plan(database, request, proof_wait_seconds=0.0)
        assert reply.log is not None
        return reply.log.identity

    def rows(
        self,
        log: contract.LogSpec,
        known: contract.LogIdentity,
        files: tuple[contract.File, ...],
        table: str = "orders",
    ) -> contract.ExtractReply:
        """Reads the rows of changed keys into files, as the Lambda function does."""
        self.parts += 1
        request = contract.ExtractRequest(
            "r1",
            self.spec(table),
            f"p{self.parts}",
            changes=contract.ChangeSet(log, files, known),
        )
        with self.session() as database:
            return extract(database, request, FolderStore(self.folder))

    def taken(self, work: Callable[[], object]) -> Taken:
        """Returns what work took."""
        cpu, started = self._cpu(), time.monotonic()
        work()
        return Taken(time.monotonic() - started, self._cpu() - cpu)

    def _cpu(self) -> float:
        """CPU seconds of the server; those of its ended sessions are the parent's."""
        parent = self.server.process.pid
        while True:
            own = _stat(parent)[11:15]
            total = sum(own) + _of_children(parent)
            # A session that ended meanwhile would be counted twice, or not at all.
            if _stat(parent)[13:15] == own[2:]:
                return total / _TICKS


def _of_children(parent: int) -> int:
    total = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = _stat(int(folder.name))
                if fields[1] == parent:
                    total += sum(fields[11:13])
    return total


def _stat(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return [0, *map(int, text.rpartition(")")[2].split()[1:15])]


# --- other consumers ------------------------------------------------------------------


def recvlogical(lab: Lab, slot: str, publication: str, end: str) -> None:
    """PostgreSQL's own consumer, which throws away what it receives."""
    program = lab.server.bin_path / "pg_recvlogical"
    subprocess.run(
        [
            *(str(program), "-d", lab.server.dsn(DATABASE), "--slot", slot, "--start"),
            *("-o", "proto_version=1", "-o", f"publication_names={publication}"),
            *("--endpos", end, "--file", os.devnull, "--no-loop", "--fsync-interval=0"),
        ],
        check=True,
    )


class Streamed:
    """A consumer by psycopg2 that writes whole rows as CSV, compressed."""

    def __init__(self, lab: Lab, slot: str, publication: str, *, files: bool) -> None:
        self._end = lsn_number(lab.flushed())
        self._files = files
        self._sink = io.BytesIO()
        self._packed = zstandard.ZstdCompressor(level=1).stream_writer(self._sink)
        self._text = io.StringIO()
        self._csv = csv.writer(self._text)
        self.rows = 0
        connection = psycopg2.connect(
            lab.server.dsn(DATABASE),
            connection_factory=psycopg2.extras.LogicalReplicationConnection,
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.start_replication(
                slot_name=slot,
                options={"proto_version": "1", "publication_names": publication},
                decode=False,
            )
            with contextlib.suppress(psycopg2.extras.StopReplication):
                self._consume(cursor)
        self._flush()

    def _consume(self, cursor: Any) -> None:
        idle = time.monotonic()
        while True:
            message = cursor.read_message()
            if message is None:
                if cursor.wal_end >= self._end or time.monotonic() - idle > 2:
                    return
                continue
            idle = time.monotonic()
            self._take(message.payload)
            if message.data_start >= self._end:
                return

    def _take(self, payload: bytes) -> None:
        if payload[:1] not in (b"I", b"U"):
            return
        self.rows += 1
        if not self._files:
            return
        self._csv.writerow(_values(payload, 6))
        if self.rows % 10_000 == 0:
            self._flush()

    def _flush(self) -> None:
        self._packed.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


def _values(payload: bytes, at: int) -> list[str | None]:
    (count,) = struct.unpack_from(">h", payload, at)
    at += 2
    found: list[str | None] = []
    for _ in range(count):
        kind = payload[at]
        at += 1
        if kind == ord("t"):
            (length,) = struct.unpack_from(">i", payload, at)
            at += 4
            found.append(payload[at : at + length].decode())
            at += length
        else:
            found.append(None)
    return found


# --- memory ---------------------------------------------------------------------------


def peak_of_capture(lab: Lab, log: contract.LogSpec) -> dict[str, float]:
    """Captures in a process of its own; returns its peak of memory and what it saw."""
    text = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.benchmark_log"),
            *(str(lab.server.port), str(lab.folder), log.publication),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: dict[str, float] = json.loads(text.splitlines()[-1])
    return found


def _captured_alone(port: int, folder: Path, name: str) -> None:
    import resource

    log = contract.LogSpec(f"aurora_sync_{name}", name)
    source = Source(DATABASE, "127.0.0.1", DATABASE, {}, port, "disable")
    table = contract.CaptureTable("orders", "public", "orders")
    request = contract.CaptureRequest("r2", DATABASE, log, "alone", (table,), None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with connected(
        source,
        Credentials("postgres", ""),
        application_name="benchmark",
        budget_seconds=600,
    ) as database:
        reply = changes_capture.capture(
            database, request, FolderStore(folder), source=source
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"changes": reply.changes, "seconds": reply.seconds}
    print(json.dumps(told | {"start_mb": before / 1024, "peak_mb": peak / 1024}))


if __name__ == "__main__":
    _captured_alone(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
