"""Random changes of a source, read through its log into a dictionary, and compared.

Lambda's own code captures and reads, the procedures' own code says which windows; the
rest of Snowflake is a dictionary for each table. Captures and windows die at random;
transactions stay open across them. At the end source and target have to be equal.
"""

import contextlib
import csv
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import zstandard

from lambda_extract import contract
from lambda_extract.changes import capture
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
from tests.soak.log_changes import KEYS, PLAIN_KEYS, Changes
from tests.soak.log_mutants import mutated

# How often a schedule is settled and looked at on its way: later changes hide mistakes.
_LOOKS = 0.1
# How often a table is published beside a transaction that has changed it.
_BESIDE = 0.05
# How long a commit may stay invisible before a capture gives up.
_VISIBLE_SECONDS = 0.02


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


class Schedule(Changes):
    """One random schedule; the target is a dictionary for each table."""

    def __init__(
        self, server: Aurora, folder: Path, seed: int, *, plain_only: bool = False
    ) -> None:
        super().__init__(server, seed, database="shop", plain_only=plain_only)
        self.folder = folder
        self.source = Source("shop", "127.0.0.1", "shop", {}, server.port, "disable")
        self.targets = (
            Target(self.plain, 1),
            Target(self.spelled, 1),
            Target(self.days, 2),
        )
        self.chain: list[contract.CaptureReply] = []
        self.parts = 0
        # Nothing changes any more until source and targets are compared.
        self.settling = False
        self.counts = {"captures": 0, "windows": 0, "snapshots": 0, "compared": 0}

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
                database,
                request,
                FolderStore(self.folder),
                source=self.source,
                visible_seconds=_VISIBLE_SECONDS,
            )
        self.counts["captures"] += 1
        if not dies:
            self.chain.append(reply)
        return reply.complete

    def sync(self, target: Target, *, dies: bool = False) -> bool:
        """Reads what the chain tells of a table; dies after one of its windows.

        Returns:
            Whether the table has everything that the chain tells.
        """
        latest = len(self.chain)
        if target.version is None or target.identity is None:
            return self.snapshot(target)
        pending = [
            Changed(
                version=number,
                lsn=reply.to_lsn,
                keys=table.keys,
                truncated=table.truncated,
                whole=table.whole,
                files=table.files,
                error=_told(table.refused),
            )
            for number, reply in enumerate(self.chain, start=1)
            for table in reply.tables
            if number > target.version and table.name == target.name
        ]
        if records.refusal(pending, latest):
            return False
        if records.why_whole(pending, latest):
            return self.snapshot(target)
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
                return self.snapshot(target)
            self.counts["windows"] += 1
            known = reply.log.identity
            compare |= reply.log.compare
            target.merge(self.rows(reply))
            target.version = piece.version
            target.identity = target.identity if compare else known
            if dies and self.random.random() < 0.5:
                return False
        if compare:
            self.compare(target)
            target.identity = known
        return True

    def snapshot(self, target: Target) -> bool:
        """Reads all rows; False: a transaction is open, perhaps the server's own."""
        spec = contract.TableSpec(target.name, "shop", "public", target.name)
        request = contract.PlanRequest("r1", spec, log=self.log)
        with self.database() as database:
            try:
                planned = plan(database, request, proof_wait_seconds=0.0)
            except ExtractError as error:
                if _passes(error):
                    return False
                raise
        latest = len(self.chain)
        if not self.settling and self.random.random() < 0.5:
            self.change()
        reply = self.ask(target, partition=contract.Partition(self.part()))
        rows = [[*row, "f"] for row in self.rows(reply)]
        assert planned.log is not None
        target.rows.clear()
        target.merge(rows)
        target.version, target.identity = latest, planned.log.identity
        self.counts["snapshots"] += 1
        return True

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
            published = not self.plain_only and self.random.random() < _BESIDE
            if published and (found := self.publish_beside_a_change()):
                return found
            if self.random.random() < _LOOKS and (found := self.look()):
                return found
        return self.look()

    def look(self) -> str:
        """Settles everything; returns what differs then; empty: nothing."""
        self._last_words()
        self.settling = True
        self._settle()
        self.settling = False
        return "\n".join(filter(None, map(self.difference, self.targets)))

    def publish_beside_a_change(self) -> str:
        """A table is published while a transaction is open that has changed it.

        What it changed before is in no log. So the table must not be read as a whole
        before it has ended.

        Returns:
            What differs then; empty: nothing.
        """
        target, key = self.targets[0], self.random.randrange(KEYS, PLAIN_KEYS)
        if self.apart or self.waiting or self.open[0]:
            return ""
        with contextlib.suppress(psycopg2.Error):
            if target.name not in self.unpublished:
                self._alter_publication(1, "DROP", target.name)
                self.unpublished.add(target.name)
            self.sql("BEGIN")
            self.open[0] = True
            self.sql(
                f"INSERT INTO {target.name} VALUES ({key}, {self._value()})"
                f" ON CONFLICT (id) DO UPDATE SET n = excluded.n"
            )
            self._alter_publication(1, "ADD", target.name)
            self.unpublished.discard(target.name)
        try:
            self.capture()
            self.sync(target)
        except ExtractError as error:
            if not _passes(error):
                raise
        return self.look()

    def _step(self) -> None:
        for _ in range(self.random.randrange(6)):
            self.change()
        if self.random.random() < 0.5:
            wal = self.random.choice([8 << 30, 3_000, 20_000])
            try:
                self.capture(dies=self.random.random() < 0.25, wal=wal)
            except ExtractError as error:
                # A commit that waits for a standby.
                if not _passes(error):
                    raise
        if self.random.random() < 0.4:
            target = self.random.choice(self.targets)
            try:
                self.sync(target, dies=self.random.random() < 0.3)
            except ExtractError as error:
                # A lock of an open transaction, for example.
                if not _passes(error):
                    raise

    def _last_words(self) -> None:
        """Changes that no later change of the same row hides."""
        for writer in range(3):
            self._commit(writer)
        for _ in range(10):
            with contextlib.suppress(psycopg2.Error):
                self._key(0)
        # A prepared transaction may hold the row.
        with contextlib.suppress(psycopg2.Error):
            self._hang(0)
        try:
            self.capture()
            self.sync(self.targets[0])
        except ExtractError as error:
            if not _passes(error):
                raise

    def _settle(self) -> None:
        """Ends all transactions, captures all, and syncs each table."""
        self.settle_source()
        while not self.capture():
            pass
        for target in self.targets:
            while not self.sync(target):
                time.sleep(0.05)

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


def _passes(error: ExtractError) -> bool:
    """Whether an error is one of those that a schedule makes on purpose."""
    return error.retryable or error.code == "not_published"


def _told(refused: contract.ErrorDetail | None) -> tuple[str, str, bool, str] | None:
    if refused is None:
        return None
    return refused.code, refused.message, refused.retryable, refused.hint


def run_schedule(
    server: Aurora,
    folder: Path,
    seed: int,
    *,
    steps: int = 60,
    mutant: str = "",
    plain_only: bool = False,
) -> tuple[str, dict[str, int]]:
    """Runs one schedule; returns what is wrong in the end, and what it did."""
    schedule = Schedule(server, folder, seed, plain_only=plain_only)
    try:
        with mutated(mutant):
            found = schedule.run(steps)
    except ExtractError as error:
        found = error.code
    finally:
        schedule.end()
    return found, schedule.counts
