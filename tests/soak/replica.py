"""Random schedules on a reader: late commits while its replay stands still and goes on.

Each schedule opens, commits and rolls back transactions, pauses and releases the
replay, and extracts, in random order. In the end all that was committed has to have
arrived.
"""

import contextlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2.extensions

from lambda_extract.operations import extract as extract_operation
from lambda_extract.source.replica import ReaderBehind
from local.aurora import Aurora
from tests.replicas import Pair, make_table

_STEPS = 12


def run_schedule(
    writer: Aurora, reader: Aurora, folder: Path, number: int, *, swapped: bool = False
) -> set[int]:
    """Plays one schedule and returns the keys that never arrived.

    Args:
        number: Seed, and part of the table's name.
        swapped: Take the position before the proof, which is wrong.
    """
    chance = random.Random(number)
    table = f"replica_{number}_{'swapped' if swapped else 'right'}"
    with contextlib.closing(writer.connect("shop")) as owner:
        make_table(owner, table)
        pair = Pair(writer, reader, folder / table, table, wait_seconds=5.0)
        play = _Play(pair, chance, owner, swapped=swapped)
        pair.catch_up()
        for _ in range(_STEPS):
            play.step()
        return play.end()


class _Play:
    """One schedule: its transactions, and the keys that are committed."""

    def __init__(
        self,
        pair: Pair,
        chance: random.Random,
        owner: psycopg2.extensions.connection,
        *,
        swapped: bool,
    ) -> None:
        self.pair, self.chance, self.owner = pair, chance, owner
        self.swapped = swapped
        self.open: list[tuple[int, psycopg2.extensions.connection]] = []
        self.committed: set[int] = set()
        self.next_key = 1

    def step(self) -> None:
        """Does one thing by chance."""
        self.chance.choice([self.begin, self.write, self.finish, self.extract])()

    def begin(self) -> None:
        """A transaction writes a row and stays open."""
        connection = self.pair.writer.connect("shop")
        connection.autocommit = False
        key = self._insert(connection)
        self.open.append((key, connection))

    def write(self) -> None:
        """A row is committed at once."""
        self.committed.add(self._insert(self.owner))

    def finish(self) -> None:
        """A transaction ends."""
        if not self.open:
            return
        place = self.chance.randrange(len(self.open))
        key, connection = self.open.pop(place)
        if self.chance.random() < 0.9:
            connection.commit()
            self.committed.add(key)
        connection.close()

    def extract(self) -> None:
        """Extracts; replay may stand still, and transactions end, in the middle."""
        with self._disturbed():
            with contextlib.suppress(ReaderBehind):
                self.pair.extract()

    def end(self) -> set[int]:
        """Ends all transactions, extracts what is left, and returns what is missing."""
        while self.open:
            self.finish()
        self.pair.catch_up()
        for _ in range(2):
            self.pair.extract()
        return self.committed - self.pair.delivered

    @contextlib.contextmanager
    def _disturbed(self) -> Iterator[None]:
        """Lets things happen between the proof and the position."""
        read_proof, follow = extract_operation.read_proof, extract_operation.follow
        read_table = extract_operation.read_table
        readers: list[Any] = []

        def proof(database: Any, *rest: Any) -> Any:
            if self.swapped:
                follow(readers[0])
            paused = self.chance.random() < 0.7
            if paused:
                self.pair.pause()
            self.finish()
            found = read_proof(database, *rest)
            if paused:
                release = threading.Timer(self.chance.uniform(0, 0.2), self.pair.resume)
                release.start()
                timers.append(release)
            return found

        def table_of(database: Any, spec: Any) -> Any:
            readers.append(database)
            return read_table(database, spec)

        timers: list[threading.Timer] = []
        extract_operation.read_proof = proof  # type: ignore[assignment]
        extract_operation.read_table = table_of
        if self.swapped:
            extract_operation.follow = lambda _: None  # type: ignore[assignment]
        try:
            yield
        finally:
            extract_operation.read_proof = read_proof
            extract_operation.read_table = read_table
            extract_operation.follow = follow
            for timer in timers:
                timer.join()
            self.pair.resume()

    def _insert(self, connection: psycopg2.extensions.connection) -> int:
        key, self.next_key = self.next_key, self.next_key + 1
        connection.cursor().execute(f"INSERT INTO {self.pair.table} VALUES ({key})")
        return key
