"""The state machine: what may happen to a table with history, in any order."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.history.account import LocalSession
from tests.history.world import World

KEYS = st.integers(1, 4)
TEXTS = st.sampled_from(["a", "b", "c"])
JSON = st.sampled_from(['{"n":1}', '{"n":2}', '"x"'])
FAULTS = st.none() | st.integers(0, 5)
SHAPES = st.sampled_from(
    [
        {},
        {"history_columns": ("v",)},
        {"history_columns": ("v", "w"), "history_time": "extracted"},
        {"history_time": "extracted"},
    ]
)


class HistoryMachine(RuleBasedStateMachine):
    """Changes of a source and steps of a sync; after each the target is the model."""

    session: LocalSession
    commits = 0

    @initialize(shape=SHAPES)
    def begin(self, shape: dict) -> None:
        """A table without rows."""
        self.world = World(self.session, "t", **shape)

    @rule(key=KEYS, v=TEXTS, w=JSON)
    def write(self, key: int, v: str, w: str) -> None:
        """A row is inserted or updated, and its cursor is the clock."""
        self.world.write(key, v, w, self.world.tick())

    @rule(key=KEYS, v=TEXTS, w=JSON, back=st.integers(1, 8))
    def write_late(self, key: int, v: str, w: str, back: int) -> None:
        """A row is written by a transaction that began long ago."""
        moment = self.world.now - timedelta(seconds=5 * back)
        self.world.write(key, v, w, moment)

    @rule(key=KEYS, v=TEXTS)
    def write_ahead(self, key: int, v: str) -> None:
        """A row is written by a clock that is ahead."""
        self.world.write(key, v, '"x"', self.world.now + timedelta(seconds=45))

    @rule(key=KEYS, v=TEXTS)
    def write_silently(self, key: int, v: str) -> None:
        """A row is changed, and its cursor stays."""
        row = self.world.source.get(key)
        if row is not None:
            self.world.write(key, v, row.w, row.updated_at)

    @rule(key=KEYS, v=TEXTS)
    def write_without_cursor(self, key: int, v: str) -> None:
        """A row has no cursor value."""
        self.world.write(key, v, '"x"', None)

    @rule(key=KEYS)
    def delete(self, key: int) -> None:
        """A row is deleted."""
        self.world.delete(key)

    @rule()
    def add_column(self) -> None:
        """A column is added."""
        if self.world.created:
            self.world.add_column()

    @rule(fault=FAULTS)
    def increment(self, fault: int | None) -> None:
        """What changed is read."""
        self.world.read(sorted(self.world.dirty), fault)

    @rule(keys=st.sets(KEYS), fault=FAULTS)
    def read_again(self, keys: set[int], fault: int | None) -> None:
        """Some rows are read again: overlap, backfill, repair."""
        before = self.world.expected()
        clean = not keys & self.world.dirty
        columns = list(self.world.columns)
        self.world.read(sorted(keys), fault)
        if clean and columns == self.world.columns and not self.unknown(before):
            assert self.world.expected() == before, "nothing had changed"

    def unknown(self, before: list) -> bool:
        """True if a version does not know a column yet."""
        return any(value is None for row in before for value in row[4:-4])

    @rule(fault=FAULTS)
    def snapshot(self, fault: int | None) -> None:
        """The whole table is read."""
        self.world.read_all(fault)
        self.world.check_current()

    @rule(fault=FAULTS)
    def compare_keys(self, fault: int | None) -> None:
        """All keys are compared."""
        if self.world.created:
            self.world.compare_keys(fault)

    @invariant()
    def is_the_model(self) -> None:
        """Versions are those of the model, and no history is broken."""
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        """Counts what was looked at."""
        if hasattr(self, "world"):
            type(self).commits += self.world.commits
