"""What may happen to a table with history that the log tells of, in any order."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.history.log_world import LogWorld
from tests.history.machine import FAULTS, JSON, KEYS, SHAPES, TEXTS, HistoryMachine
from tests.history.world import Row


class LogMachine(HistoryMachine):
    """The same, and what only a log tells; a cursor is a column like any other."""

    world: LogWorld
    commits = 0

    @initialize(shape=SHAPES, deletes=st.sampled_from(["log", "log", "none"]))
    def begin(self, shape: dict, deletes: str = "log") -> None:
        """A table without rows; what is gone ends, or is kept."""
        self.world = LogWorld(self.session, "l", deletes=deletes, **shape)

    @rule(key=KEYS, to=KEYS)
    def update_key(self, key: int, to: int) -> None:
        """A row gets another key."""
        self.world.move(key, to)

    @rule(key=KEYS, v=TEXTS, w=JSON)
    def delete_and_insert(self, key: int, v: str, w: str) -> None:
        """A row is gone and back before anybody looks."""
        self.world.delete(key)
        self.world.write(key, v, w, None)

    @rule(keys=st.sets(KEYS), v=TEXTS, fault=FAULTS)
    def truncate(self, keys: set[int], v: str, fault: int | None) -> None:
        """The table is emptied and filled; then all keys are compared."""
        self.world.replace_all({key: Row(v, '"x"', None) for key in keys})
        if self.world.created:
            self.world.read(sorted(self.world.dirty), fault)
            self.compare_keys(fault)

    def compare_keys(self, fault: int | None) -> None:
        """All keys are compared."""
        if self.world.settings.deletes != "none":
            super().compare_keys(fault)

    @rule(keys=st.sets(KEYS))
    def other_spelling(self, keys: set[int]) -> None:
        """Keys are told as gone beside their rows."""
        self.world.spelled = keys

    @rule(seconds=st.integers(1, 60))
    def clock_goes_back(self, seconds: int) -> None:
        """The server has another clock; a column that came later is told by the old."""
        if len(self.world.columns) == 4:
            self.world.go_back(seconds)
            self.world.steady = False

    @rule()
    def add_column(self) -> None:
        """A column is added."""
        if self.world.steady:
            super().add_column()

    @invariant()
    def what_is_clean_is_current(self) -> None:
        """A key of which the log tells nothing more is as the source has it."""
        if not hasattr(self, "world") or self.world.settings.deletes == "none":
            return
        columns = {"v", "w", "updated_at"}
        for key in range(1, 5):
            if key in self.world.dirty or not self.world.created:
                continue
            current = self.world.model.current(key)
            row = self.world.values(key) if key in self.world.source else None
            shown = current and {n: current[n] for n in columns}
            assert shown == (row and {n: row[n] for n in columns}), key
