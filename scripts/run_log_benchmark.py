"""Measures mode log against other consumers of the log, in one run on one server.

    capture   400 k updates of 16 columns against pg_recvlogical: keys, whole rows
    whole     capture, rows of the keys, files; against a consumer that streams rows
    memory    one transaction of 3 million changes
    idle      a capture if nothing has happened
    other     WAL of a table that nobody published
    busy      pgbench at full speed beside captures every five seconds

Exits with 1 if a claim of docs/LOG_MODE.md does not hold. The machine is noisy: only
ratios of one run mean something.
"""

import statistics
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import psycopg2.extensions
import typer
import zstandard
from rich.console import Console

from lambda_extract import contract
from local import versions
from local.aurora import running_aurora
from scripts.benchmark_log import (
    TICK,
    Lab,
    Streamed,
    Taken,
    peak_of_capture,
    recvlogical,
)

console = Console(highlight=False)
SETTINGS = {"max_wal_size": "4GB", "autovacuum": "off"}
# (what, measured, bound, "at least" or "at most")
Claim = tuple[str, float, float, str]
_MB = 1 << 20


def main(
    changes: Annotated[int, typer.Option(help="Updates")] = 400_000,
    large: Annotated[int, typer.Option(help="Changes of one transaction")] = 3_000_000,
    wal: Annotated[float, typer.Option(help="GB of WAL nobody published")] = 4.6,
    seconds: Annotated[int, typer.Option(help="Of pgbench, with and without")] = 600,
    rounds: Annotated[int, typer.Option(help="Of the comparisons")] = 3,
    scale: Annotated[int, typer.Option(help="Of pgbench")] = 10,
    only: Annotated[str, typer.Option(help="Names, with commas")] = "",
    major: Annotated[int, typer.Option(help="Of PostgreSQL")] = versions.NEWEST,
    judge: Annotated[bool, typer.Option(help="Exit with 1 if a claim fails")] = True,
) -> None:
    """Measures, prints, and judges."""
    parts: dict[str, Callable[[Lab], Iterator[Claim]]] = {
        "capture": lambda lab: _capture(lab, changes, rounds),
        "whole": lambda lab: _whole(lab, changes, rounds),
        "memory": lambda lab: _memory(lab, large),
        "idle": _idle,
        "other": lambda lab: _other(lab, wal),
        "busy": lambda lab: _busy(lab, seconds, scale),
    }
    failed = 0
    for name in only.split(",") if only else parts:
        with tempfile.TemporaryDirectory(prefix="log-benchmark-") as folder:
            programs = versions.programs(major)
            with running_aurora(
                Path(folder) / "aurora", settings=SETTINGS, programs=programs
            ) as server:
                lab = Lab(server, Path(folder) / "landing")
                for claim in parts[name](lab):
                    failed += not _told(name, claim)
    raise typer.Exit(1 if failed and judge else 0)


def _told(name: str, claim: Claim) -> bool:
    what, measured, bound, way = claim
    holds = measured >= bound if way == "at least" else measured <= bound
    mark = "[green]holds[/green]" if holds else "[red]FAILS[/red]"
    console.print(f"{name}: {what}: {measured:.2f} ({way} {bound:g}) {mark}")
    return holds


def _print(name: str, taken: Taken, rows: int) -> None:
    console.print(
        f"  {name}: {taken.seconds:.2f} s, {rows / taken.seconds:,.0f} changes/s,"
        f" server CPU {taken.cpu:.2f} s"
    )


# --- the comparisons ------------------------------------------------------------------


def _capture(lab: Lab, changes: int, rounds: int) -> Iterator[Claim]:
    lab.orders(2 * changes)
    for kind, what, least in (("keys", "orders (id)", 2.5), ("rows", "orders", 1.2)):
        found: list[float] = []
        for number in range(rounds):
            name = f"{kind}{number}"
            log = lab.publish(name, what)
            lab.slot(f"{name}_other")
            lab.update(changes, changes // 1000, 2 * changes)
            end = lab.flushed()

            def ours(log: contract.LogSpec = log) -> None:
                reply = lab.capture(log)
                assert reply.changes == changes, reply.changes

            def others(name: str = name, end: str = end) -> None:
                recvlogical(lab, f"{name}_other", name, end)

            # In turn, so that neither always finds the WAL in memory.
            pair: list[tuple[str, Callable[[], None]]] = [
                ("capture", ours),
                ("pg_recvlogical", others),
            ]
            taken = {}
            for label, work in pair if number % 2 else reversed(pair):
                taken[label] = lab.taken(work)
                _print(f"{kind} {label}", taken[label], changes)
            found.append(taken["pg_recvlogical"].seconds / taken["capture"].seconds)
            lab.drop(log.slot, f"{name}_other")
        yield f"{kind}, times as fast", statistics.median(found), least, "at least"


def _whole(lab: Lab, changes: int, rounds: int) -> Iterator[Claim]:
    lab.orders(2 * changes)
    times: list[float] = []
    cpus: list[float] = []
    for number in range(rounds):
        log = lab.publish(f"ours{number}", "orders (id)")
        known = lab.settled(log, "orders")
        others = lab.publish(f"others{number}", "orders")
        lab.update(changes, changes // 1000, 2 * changes)

        def ours(
            log: contract.LogSpec = log, known: contract.LogIdentity = known
        ) -> None:
            (table,) = lab.capture(log).tables
            reply = lab.rows(log, known, table.files)
            assert reply.rows > 0

        def theirs(other: contract.LogSpec = others) -> None:
            streamed = Streamed(lab, other.slot, other.publication, files=True)
            assert streamed.rows >= changes

        pair: list[tuple[str, Callable[[], None]]] = [
            ("capture and rows", ours),
            ("psycopg2, whole rows", theirs),
        ]
        taken = {}
        for label, work in pair if number % 2 else reversed(pair):
            taken[label] = lab.taken(work)
            _print(label, taken[label], changes)
        mine, other = (taken[label] for label, _ in pair)
        times.append(mine.seconds / other.seconds)
        # Less than a tick of the system's clock counts as one: few rows take no time.
        cpus.append(max(mine.cpu, TICK) / max(other.cpu, TICK))
        lab.drop(log.slot, others.slot)
    yield "times as long", statistics.median(times), 1.3, "at most"
    yield "times the server's CPU", statistics.median(cpus), 1.0, "at most"


def _memory(lab: Lab, large: int) -> Iterator[Claim]:
    lab.orders(large)
    log = lab.publish("huge", "orders (id)")
    peaks = []
    for share in (10, 1):
        lab.sql(f"UPDATE orders SET c0 = c0 + 1 WHERE id <= {large // share}")
        found = peak_of_capture(lab, log)
        peaks.append(found["peak_mb"])
        console.print(
            f"  {found['changes']:,.0f} changes: {found['seconds']:.1f} s,"
            f" {found['peak_mb']:.0f} MB ({found['start_mb']:.0f} MB at the start)"
        )
    yield "MB of a process", peaks[-1], 128, "at most"


def _idle(lab: Lab) -> Iterator[Claim]:
    lab.orders(1000)
    log = lab.publish("idle", "orders")
    last = lab.capture(log).to_lsn
    found = []
    for _ in range(21):
        lab.sql("CREATE TABLE other (id int)")
        lab.sql("DROP TABLE other")
        reply = lab.capture(log, last)
        found.append(reply.seconds * 1000)
        last = reply.to_lsn
    yield "ms of all statements", statistics.median(found), 50, "at most"


def _other(lab: Lab, wal: float) -> Iterator[Claim]:
    lab.orders(1000)
    log = lab.publish("other", "orders")
    last = lab.capture(log).to_lsn
    lab.sql("CREATE TABLE unpublished (id bigint, body text)")
    begun = lab.flushed()
    grown = 0.0
    while grown < wal * 1e9:
        lab.sql(
            "INSERT INTO unpublished SELECT i, repeat('x', 100)"
            " FROM generate_series(1, 400000) AS i"
        )
        lab.sql("TRUNCATE unpublished")
        ((grown,),) = lab.sql(
            f"SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '{begun}')::float8"
        )
    lab.sql("CHECKPOINT")
    taken = lab.taken(lambda: replies.append(lab.capture(log, last)))
    reply = replies[0]
    confirm = lab.taken(lambda: replies.append(lab.capture(log, reply.to_lsn)))
    ((held,),) = lab.sql(
        "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), restart_lsn)::float8"
        " FROM pg_replication_slots WHERE slot_name = 'aurora_sync_other'"
    )
    console.print(
        f"  {grown / 1e9:.1f} GB: capture {taken.seconds:.1f} s, the next one, which"
        f" confirms it, {confirm.seconds:.1f} s; held then: {held / _MB:.2f} MB"
    )
    yield "seconds for 4.6 GB", taken.seconds * 4.6e9 / grown, 10, "at most"
    yield "MB held afterwards", held / _MB, 16, "at most"


replies: list[contract.CaptureReply] = []


# --- beside pgbench -------------------------------------------------------------------


def _busy(lab: Lab, seconds: int, scale: int) -> Iterator[Claim]:
    server = lab.server
    run = [str(server.pgbench), "-d", server.dsn("shop")]
    subprocess.run(
        [*run, "-i", "-s", str(scale), "-q"], check=True, capture_output=True
    )
    alone = _tps(run, seconds)
    table = "pgbench_accounts"
    log = lab.publish("busy", f"{table}, pgbench_tellers, pgbench_branches")
    known = lab.settled(log, table)
    lab.sql(f"CREATE TABLE copied AS SELECT aid, abalance FROM {table}")
    lab.sql("ALTER TABLE copied ADD PRIMARY KEY (aid)")
    follower = Follower(lab, log, known, table)
    follower.begin()
    thread = threading.Thread(target=follower.run)
    thread.start()
    beside = _tps(run, seconds)
    follower.ended.set()
    thread.join()
    wrong = follower.difference()
    console.print(
        f"  {alone:,.0f} transactions/s alone, {beside:,.0f} beside {follower.captures}"
        f" captures; at most {max(follower.held) / _MB:,.0f} MB of WAL held, of"
        f" {follower.written / _MB:,.0f} MB written; {follower.rows:,} rows read"
    )
    yield "of the transactions per second without", beside / alone, 0.5, "at least"
    yield "accounts that differ in the end", wrong, 0, "at most"
    yield "of the WAL held", max(follower.held) / follower.written, 0.5, "at most"


def _tps(run: list[str], seconds: int) -> float:
    text = subprocess.run(
        [*run, "-c", "4", "-j", "1", "-T", str(seconds), "-n"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("tps =")]
    return float(line.split()[2])


class Follower:
    """Captures every five seconds, and keeps a copy of a table by it."""

    def __init__(
        self,
        lab: Lab,
        log: contract.LogSpec,
        known: contract.LogIdentity,
        table: str,
    ) -> None:
        self._lab, self._log, self._known, self._table = lab, log, known, table
        self._last: str | None = None
        self._begun = lab.flushed()
        self.ended = threading.Event()
        self.captures = self.rows = 0
        self.held: list[int] = []
        self.written = 1.0

    def begin(self) -> None:
        """Captures what the copy was made of: what it held is not what is measured."""
        # Only behind a record of the running transactions may the slot let WAL go.
        self._lab.sql("CHECKPOINT")
        for _ in range(3):
            self.once()
        self.captures, self.rows = 0, 0
        self.held.clear()
        self._begun = self._lab.flushed()

    def run(self) -> None:
        while not self.ended.wait(5.0):
            self.once()

    def once(self) -> None:
        tables = (self._table, "pgbench_tellers", "pgbench_branches")
        reply = self._lab.capture(self._log, self._last, *tables)
        self._last = reply.to_lsn
        self.captures += 1
        self.held.append(reply.slot.retained_bytes)
        for table in reply.tables:
            if table.name == self._table and table.files:
                self._read(table.files)

    def _read(self, files: tuple[contract.File, ...]) -> None:
        # What is copied is the server's own business here: the rows are in files.
        read = self._lab.rows(self._log, self._known, files, self._table)
        self.rows += read.rows
        for file in read.files:
            path = self._lab.folder / file.path
            with self._lab.server.connect("shop") as session:
                copy_in(session, path, self._table)

    def difference(self) -> float:
        self.once()
        lab = self._lab
        ((self.written,),) = lab.sql(
            "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(),"
            f" '{self._begun}')::float8"
        )
        ((wrong,),) = lab.sql(
            f"SELECT count(*) FROM {self._table} AS a FULL JOIN copied AS c"
            " ON a.aid = c.aid WHERE a.abalance IS DISTINCT FROM c.abalance"
        )
        return float(wrong)


def copy_in(session: psycopg2.extensions.connection, path: Path, table: str) -> None:
    """Puts rows of a file into the copy, the newest of each key."""
    with path.open("rb") as packed, session.cursor() as cursor:
        reader = zstandard.ZstdDecompressor().stream_reader(packed)
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS loaded"
            " (aid int, bid int, abalance int, filler text, gone boolean)"
        )
        cursor.execute("TRUNCATE loaded")
        cursor.copy_expert("COPY loaded FROM STDIN (FORMAT csv)", reader)
        cursor.execute(
            "UPDATE copied AS c SET abalance = l.abalance FROM loaded AS l"
            " WHERE l.aid = c.aid"
        )


if __name__ == "__main__":
    typer.run(main)
