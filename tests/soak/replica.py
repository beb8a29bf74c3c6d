"""Random schedules on a reader: late commits while its replay stands still and goes on.

Each schedule opens, commits and rolls back transactions, pauses and releases the
replay, and extracts, in random order. In the end all that was committed has to have
arrived.
"""

import contextlib
import dataclasses
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg2.extensions

from lambda_extract.errors import SourceError
from lambda_extract.operations import extract as extract_operation
from lambda_extract.source.replica import ReaderBehind
from local.aurora import Aurora
from snowpark.extraction.progress import SMALLEST_WINDOW
from tests.replicas import Pair, make_table

_STEPS = 12
# The log ends sessions of the reader at any time: replay stands still for nobody here.
ATTEMPTS = 8


@dataclasses.dataclass
class Outcome:
    """What came of one schedule.

    Attributes:
        missing: Keys that never arrived.
        repeated: Codes of the errors after which an extraction was asked for again.
    """

    missing: set[int] = dataclasses.field(default_factory=set)
    repeated: list[str] = dataclasses.field(default_factory=list)


def run_schedule(
    writer: Aurora, reader: Aurora, folder: Path, number: int, *, swapped: bool = False
) -> Outcome:
    """Plays one schedule.

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


def extract_as_a_sync(
    pair: Pair,
    around: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> list[str]:
    """Extracts, and does with errors what syncs do.

    What a retry mends is asked for again, a bounded number of times; what was too large
    with half of the rows.

    Args:
        around: Entered anew for each attempt.

    Returns:
        Codes of the errors after which it was asked for again.

    Raises:
        SourceError: A retry does not mend it, or has not.
    """
    asked = pair.chunk_rows
    repeated: list[str] = []
    try:
        while True:
            try:
                with around():
                    pair.extract()
                return repeated
            except SourceError as error:
                if not error.retryable or len(repeated) + 1 == ATTEMPTS:
                    raise
                repeated.append(error.code)
                if error.code == "window_too_large":
                    pair.chunk_rows = max(pair.chunk_rows // 2, SMALLEST_WINDOW)
    finally:
        pair.chunk_rows = asked


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
        self.repeated: list[str] = []

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
        with contextlib.suppress(ReaderBehind):
            self.repeated += extract_as_a_sync(self.pair, self._disturbed)

    def end(self) -> Outcome:
        """Ends all transactions, extracts what is left, and says what is missing."""
        while self.open:
            self.finish()
        self.pair.catch_up()
        for _ in range(2):
            self.repeated += extract_as_a_sync(self.pair)
        return Outcome(self.committed - self.pair.delivered, self.repeated)

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

        def table_of(database: Any, spec: Any, **how: bool) -> Any:
            readers.append(database)
            return read_table(database, spec, **how)

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
