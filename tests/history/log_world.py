"""The same for a table of mode log: changed keys are told, their rows are read."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from lambda_extract.changes.reread import GONE
from lambda_extract.contract import Column
from snowpark.load import merge
from tests.history.account import LocalSession
from tests.history.model import Values
from tests.history.world import Row, World


class LogWorld(World):
    """One table of mode log.

    Attributes:
        spelled: Keys that the next window tells as gone beside their rows, as it does
            with those that PostgreSQL takes for equal and spells in another way.
        steady: False once the clock was set back.
    """

    def __init__(self, session: LocalSession, name: str, **settings: Any) -> None:
        super().__init__(session, name, mode="log", cursor=None, **settings)
        self.spelled: Collection[int] = ()
        self.steady = True
        self._of_window = False

    def delete(self, key: int) -> None:
        """Deletes a row; the log tells its key."""
        super().delete(key)
        self.dirty.add(key)

    def move(self, key: int, to: int) -> None:
        """Updates the key of a row; the log tells both keys."""
        if key in self.source and to not in self.source:
            self.source[to] = self.source.pop(key)
            self.dirty |= {key, to}

    def replace_all(self, rows: dict[int, Row]) -> None:
        """Empties the table and fills it; the log tells the keys that were filled."""
        self.source = dict(rows)
        self.dirty |= rows.keys()

    def go_back(self, seconds: int) -> None:
        """The clock of the source is set back."""
        self.now -= timedelta(seconds=seconds)

    def read(self, keys: Sequence[int], refuse_at: int | None = None) -> None:
        """Reads the rows of keys that the log tells; without a row they are gone."""
        now = self.tick()
        self._of_window = True
        try:
            self._commit(keys, merge.merge_rows, now, refuse_at)
        finally:
            self._of_window, self.spelled = False, ()
        for key in keys:
            if key in self.source:
                self._tell_model(key, now)
            elif self.settings.deletes != "none":
                self.model.close(key, now)
            self.dirty.discard(key)

    def _declared(self) -> tuple[Column, ...]:
        return (*super()._declared(), GONE) if self._of_window else super()._declared()

    def _rows(self, keys: Sequence[int]) -> list[Values]:
        if not self._of_window:
            return super()._rows(keys)
        alive = [key for key in keys if key in self.source]
        gone = [key for key in keys if key not in self.source or key in self.spelled]
        rows = [{**row, GONE.name: False} for row in super()._rows(alive)]
        nothing = dict.fromkeys(self.columns)
        return [{**nothing, "id": key, GONE.name: True} for key in gone] + rows
