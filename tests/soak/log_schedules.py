"""Random changes of a source, read through its log into a dictionary, and compared.

Lambda's own code captures and reads, the procedures' own code says which windows; the
rest of Snowflake is a dictionary for each table. Captures and windows die at random;
transactions stay open across them. At the end source and target have to be equal.
"""

import contextlib
import csv
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2.extensions
import zstandard

from lambda_extract import contract
from lambda_extract.changes import capture, pgoutput, published, reread
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import ExtractError
from lambda_extract.landing.stores import FolderStore
from lambda_extract.operations.extract import extract
from lambda_extract.operations.plan import plan
from lambda_extract.settings import Source
from lambda_extract.source.database import Database, connected
from local.aurora import Aurora
from snowpark.captures import records
from snowpark.captures.records import Changed, Piece

MUTANTS = ("no_identity", "old_key_only")
_KEYS = 40
_DAYS = 3


@dataclass
class Target:
    """One table: its rows by key, and its position in the chain.

    Attributes:
        key: How many columns are its key; the first one is compared as a number.
    """

    name: str
    key: int
    rows: dict[Any, tuple[str, ...]] = field(default_factory=dict)
    version: int | None = None
    identity: contract.LogIdentity | None = None

    def key_of(self, row: list[str]) -> Any:
        return (Decimal(row[0]), *row[1 : self.key])

    def merge(self, rows: list[list[str]]) -> None:
        """What the MERGE of a window does: of one key the row that is there counts."""
        alive = {self.key_of(row) for row in rows if row[-1] == "f"}
        for row in rows:
            key = self.key_of(row)
            if row[-1] == "f":
                self.rows[key] = tuple(row[:-1])
            elif key not in alive:
                self.rows.pop(key, None)


class Schedule:
    """One random schedule on a server of its own."""

    def __init__(self, server: Aurora, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.folder = folder
        name = f"aurora_sync_soak_{seed}"
        self.log = contract.LogSpec(name, name)
        self.source = Source("shop", "127.0.0.1", "shop", {}, server.port, "disable")
        self.plain = Target(f"{name}_plain", 1)
        self.spelled = Target(f"{name}_spelled", 1)
        self.days = Target(f"{name}_days", 2)
        self.targets = (self.plain, self.spelled, self.days)
        self.chain: list[contract.CaptureReply] = []
        self.parts = 0
        self.writers = [server.connect("shop") for _ in range(3)]
        self.open = [False] * 3
        self.prepared: list[str] = []
        self.apart: set[int] = set()
        self.counts = {"captures": 0, "windows": 0, "snapshots": 0, "compared": 0}

    # --- the source -------------------------------------------------------------------

    def sql(self, text: str, writer: int = 0) -> list[Any]:
        with self.writers[writer].cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []

    def create(self) -> None:
        name = self.log.slot
        self.sql(f"CREATE TABLE {self.plain.name} (id bigint PRIMARY KEY, n text)")
        self.sql(f"CREATE TABLE {self.spelled.name} (id numeric PRIMARY KEY, n text)")
        self.sql(
            f"CREATE TABLE {self.days.name} (id int, day int, n text,"
            " PRIMARY KEY (id, day)) PARTITION BY LIST (day)"
        )
        for day in range(_DAYS):
            self.sql(
                f"CREATE TABLE {self.days.name}_{day}"
                f" PARTITION OF {self.days.name} FOR VALUES IN ({day})"
            )
        tables = ", ".join(target.name for target in self.targets)
        self.sql(
            f"CREATE PUBLICATION {name} FOR TABLE {tables}"
            " WITH (publish_via_partition_root = true)"
        )

    def change(self) -> None:
        """Does one thing to the source; what waits for another writer is left out."""
        writer = self.random.randrange(3)
        action = self.random.choice(self._actions())
        try:
            self.sql("SET lock_timeout = '50ms'", writer)
            action(writer)
        except psycopg2.Error:
            self.sql("ROLLBACK", writer)
            self.open[writer] = False

    def _actions(self) -> list[Callable[[int], None]]:
        rows: list[Callable[[int], None]]
        rows = [self._insert, self._update, self._delete, self._key] * 4
        blocks = [self._begin, self._commit, self._commit, self._roll_back]
        rare = [self._large, self._savepoint, self._prepare, self._truncate]
        rare += [self._detach, self._attach, self._rewrite]
        return rows + blocks + rare

    def _any_key(self) -> int:
        return self.random.randrange(_KEYS)

    def _value(self) -> str:
        return f"'{self.random.randrange(10**6)}'"

    def _insert(self, writer: int) -> None:
        key, value = self._any_key(), self._value()
        day = self.random.randrange(_DAYS)
        for target, values in (
            (self.plain, f"{key}, {value}"),
            (self.spelled, f"{key}.{'0' * self.random.randrange(3)}, {value}"),
            (self.days, f"{key}, {day}, {value}"),
        ):
            self.sql(
                f"INSERT INTO {target.name} VALUES ({values}) ON CONFLICT DO NOTHING",
                writer,
            )

    def _update(self, writer: int) -> None:
        target = self.random.choice(self.targets)
        self.sql(
            f"UPDATE {target.name} SET n = {self._value()} WHERE id % 7 ="
            f" {self._any_key() % 7}",
            writer,
        )

    def _delete(self, writer: int) -> None:
        target = self.random.choice(self.targets)
        self.sql(f"DELETE FROM {target.name} WHERE id = {self._any_key()}", writer)

    def _key(self, writer: int) -> None:
        old, new = self._any_key(), self._any_key()
        for statement in self.random.sample(
            [
                f"UPDATE {self.plain.name} SET id = {new} WHERE id = {old}",
                f"UPDATE {self.spelled.name} SET id = {old}.{'0' * (new % 3)}"
                f" WHERE id = {old}",
                f"UPDATE {self.days.name} SET day = {new % _DAYS} WHERE id = {old}"
                f" AND day = {old % _DAYS}",
            ],
            1,
        ):
            self.sql(statement, writer)

    def _begin(self, writer: int) -> None:
        if not self.open[writer]:
            self.sql("BEGIN", writer)
            self.open[writer] = True

    def _commit(self, writer: int) -> None:
        self.sql("COMMIT", writer)
        self.open[writer] = False

    def _roll_back(self, writer: int) -> None:
        self.sql("ROLLBACK", writer)
        self.open[writer] = False

    def _large(self, writer: int) -> None:
        """Large enough to be streamed, by changing a few rows again and again."""
        self._begin(writer)
        for _ in range(15):
            self.sql(f"UPDATE {self.plain.name} SET n = n || ''", writer)
            self.sql(f"UPDATE {self.days.name} SET n = n || ''", writer)

    def _savepoint(self, writer: int) -> None:
        self._begin(writer)
        self.sql("SAVEPOINT s", writer)
        self._update(writer)
        self._delete(writer)
        self.sql("ROLLBACK TO s", writer)

    def _prepare(self, writer: int) -> None:
        if self.prepared and not self.open[writer]:
            self.sql(f"COMMIT PREPARED '{self.prepared.pop()}'", writer)
        elif self.open[writer] and not self.prepared:
            name = f"{self.log.slot}_{self.random.randrange(10**9)}"
            self.sql(f"PREPARE TRANSACTION '{name}'", writer)
            self.open[writer] = False
            self.prepared.append(name)

    def _truncate(self, writer: int) -> None:
        """Not in an open transaction: everybody would wait for its lock."""
        if self.open[writer]:
            return
        day = self.random.randrange(_DAYS)
        names = (self.plain.name, f"{self.days.name}_{day}")
        self.sql("BEGIN", writer)
        self.sql(f"TRUNCATE {self.random.choice(names)}", writer)
        self._insert(writer)
        self.sql("COMMIT", writer)

    def _detach(self, writer: int) -> None:
        day = self.random.randrange(_DAYS)
        if self.open[writer] or day in self.apart:
            return
        part = f"{self.days.name}_{day}"
        self.sql(f"ALTER TABLE {self.days.name} DETACH PARTITION {part}", writer)
        self.apart.add(day)
        self.sql(f"UPDATE {part} SET n = 'apart'", writer)
        self.sql(f"DELETE FROM {part} WHERE id % 3 = 0", writer)

    def _attach(self, writer: int) -> None:
        if self.open[writer] or not self.apart:
            return
        day = self.random.choice(sorted(self.apart))
        part = f"{self.days.name}_{day}"
        self.sql(
            f"ALTER TABLE {self.days.name} ATTACH PARTITION {part}"
            f" FOR VALUES IN ({day})",
            writer,
        )
        self.apart.discard(day)

    def _rewrite(self, writer: int) -> None:
        if not self.open[writer]:
            self.sql(f"VACUUM FULL {self.plain.name}", writer)

    # --- the target -------------------------------------------------------------------

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        with connected(
            self.source,
            Credentials("postgres", ""),
            application_name="soak",
            budget_seconds=60,
        ) as database:
            yield database

    def part(self) -> str:
        self.parts += 1
        return f"p{self.parts}"

    def capture(self, *, dies: bool = False, wal: int = 8 << 30) -> bool:
        """Captures, and records it unless it dies; returns whether all is captured."""
        last = self.chain[-1] if self.chain else None
        request = contract.CaptureRequest(
            "r1",
            "shop",
            self.log,
            self.part(),
            tuple(
                contract.CaptureTable(t.name, "public", t.name) for t in self.targets
            ),
            from_lsn=last.to_lsn if last else None,
            server=last.server if last else "",
            create=last is None,
            limits=contract.CaptureLimits(max_wal_bytes=wal),
        )
        with self.database() as database:
            reply = capture.capture(
                database, request, FolderStore(self.folder), source=self.source
            )
        self.counts["captures"] += 1
        if not dies:
            self.chain.append(reply)
        return reply.complete

    def sync(self, target: Target, *, dies: bool = False) -> None:
        """Reads what the chain tells of a table; dies after one of its windows."""
        latest = len(self.chain)
        if target.version is None or target.identity is None:
            self.snapshot(target)
            return
        pending = [
            Changed(
                version=number,
                lsn=reply.to_lsn,
                keys=table.keys,
                truncated=table.truncated,
                whole=table.whole,
                files=table.files,
            )
            for number, reply in enumerate(self.chain, start=1)
            for table in reply.tables
            if number > target.version and table.name == target.name
        ]
        if records.why_whole(pending, latest):
            self.snapshot(target)
            return
        pieces = records.pieces(
            pending,
            after=Piece((), target.version, ""),
            latest=Piece((), latest, ""),
            most_keys=self.random.choice([1, 30, 10**6]),
        )
        known, compare = target.identity, False
        truncated = any(changed.truncated for changed in pending)
        for piece in pieces:
            changes = contract.ChangeSet(self.log, piece.files, known, truncated)
            reply = self.ask(target, changes=changes)
            assert reply.log is not None
            if reply.log.moved:
                self.snapshot(target)
                return
            self.counts["windows"] += 1
            known = reply.log.identity
            compare |= reply.log.compare
            target.merge(self.rows(reply))
            target.version = piece.version
            target.identity = target.identity if compare else known
            if dies and self.random.random() < 0.5:
                return
        if compare:
            self.compare(target)
            target.identity = known

    def snapshot(self, target: Target) -> None:
        spec = contract.TableSpec(target.name, "shop", "public", target.name)
        request = contract.PlanRequest("r1", spec, log=self.log)
        with self.database() as database:
            try:
                planned = plan(database, request, proof_wait_seconds=0.0)
            except ExtractError as error:
                if error.retryable:
                    return
                raise
        latest = len(self.chain)
        if self.random.random() < 0.5:
            self.change()
        reply = self.ask(target, partition=contract.Partition(self.part()))
        rows = [[*row, "f"] for row in self.rows(reply)]
        assert planned.log is not None
        target.rows.clear()
        target.merge(rows)
        target.version, target.identity = latest, planned.log.identity
        self.counts["snapshots"] += 1

    def compare(self, target: Target) -> None:
        spec = contract.TableSpec(target.name, "shop", "public", target.name)
        request = contract.KeysRequest(
            "r1", spec, self.part(), contract.Partition("whole")
        )
        with self.database() as database:
            reply = extract(database, request, FolderStore(self.folder))
        there = {target.key_of(row) for row in self.rows(reply)}
        for key in set(target.rows) - there:
            del target.rows[key]
        self.counts["compared"] += 1

    def ask(self, target: Target, **fields: Any) -> contract.ExtractReply:
        spec = contract.TableSpec(target.name, "shop", "public", target.name)
        request = contract.ExtractRequest("r1", spec, self.part(), **fields)
        with self.database() as database:
            return extract(database, request, FolderStore(self.folder))

    def rows(self, reply: contract.ExtractReply) -> list[list[str]]:
        text = b""
        for file in reply.files:
            with (self.folder / file.path).open("rb") as packed:
                text += zstandard.ZstdDecompressor().stream_reader(packed).read()
        return list(csv.reader(io.StringIO(text.decode(), newline="")))

    # --- the whole --------------------------------------------------------------------

    def run(self, steps: int) -> str:
        """Returns what differs in the end; empty: nothing."""
        self.create()
        self.capture()
        for _ in range(steps):
            self._step()
        self._settle()
        return "\n".join(filter(None, map(self.difference, self.targets)))

    def _step(self) -> None:
        for _ in range(self.random.randrange(6)):
            self.change()
        if self.random.random() < 0.5:
            wal = self.random.choice([8 << 30, 3_000, 20_000])
            self.capture(dies=self.random.random() < 0.25, wal=wal)
        if self.random.random() < 0.4:
            target = self.random.choice(self.targets)
            try:
                self.sync(target, dies=self.random.random() < 0.3)
            except ExtractError as error:
                # A lock of an open transaction, for example.
                if not error.retryable:
                    raise

    def _settle(self) -> None:
        """Ends all transactions, captures all, and syncs each table."""
        for writer in range(3):
            self._commit(writer)
        while self.prepared:
            self.sql(f"COMMIT PREPARED '{self.prepared.pop()}'")
        while self.apart:
            self._attach(0)
        while not self.capture():
            pass
        for target in self.targets:
            self.sync(target)

    def difference(self, target: Target) -> str:
        rows = self.sql(f"SELECT * FROM {target.name}")
        source = {
            target.key_of([str(v) for v in row]): tuple(map(str, row)) for row in rows
        }
        # The key of a row that is matched by its value keeps its spelling.
        wrong = [
            key
            for key in source.keys() | target.rows.keys()
            if source.get(key, ())[1:] != target.rows.get(key, ())[1:]
        ]
        return f"{target.name}: {len(wrong)} rows differ" if wrong else ""

    def end(self) -> None:
        """Takes everything of the schedule away."""
        for writer in self.writers:
            with contextlib.suppress(psycopg2.Error), writer.cursor() as cursor:
                cursor.execute("ROLLBACK")
        for name in self.prepared:
            self.sql(f"ROLLBACK PREPARED '{name}'")
        self.sql(f"DROP PUBLICATION IF EXISTS {self.log.publication}")
        self.sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            f" WHERE slot_name = '{self.log.slot}'"
        )
        for target in self.targets:
            self.sql(f"DROP TABLE IF EXISTS {target.name} CASCADE")
        for writer in self.writers:
            writer.close()


@contextlib.contextmanager
def mutated(mutant: str) -> Iterator[None]:
    """Takes a step out of the product for the length of a `with` block."""
    if mutant == "no_identity":
        kept = reread.difference
        reread.difference = lambda *_, **__: published.Difference()
        try:
            yield
        finally:
            reread.difference = kept
    elif mutant == "old_key_only":
        both = pgoutput._both
        pgoutput._both = lambda old, new: () if old is None else (old,)
        try:
            yield
        finally:
            pgoutput._both = both
    else:
        yield


def run_schedule(
    server: Aurora, folder: Path, seed: int, *, steps: int = 60, mutant: str = ""
) -> tuple[str, dict[str, int]]:
    """Runs one schedule; returns what differs in the end, and what it did."""
    schedule = Schedule(server, folder, seed)
    try:
        with mutated(mutant):
            found = schedule.run(steps)
        return found, schedule.counts
    finally:
        schedule.end()
