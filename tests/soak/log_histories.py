"""What has to hold of histories while random changes arrive, after each call.

A version that has ended stays as it is, one that was seen stays, and no history is
broken. What a history ought to say of each row, tests/history knows.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import snowflake.connector

from snowpark.load.history_table_statements import broken_invariants

Query = Callable[..., list[Any]]
_OWN = "_SYNC_VALID_FROM, _SYNC_VALID_TO, _SYNC_IS_CURRENT, _SYNC_DELETED"


class Histories:
    """The versions of some targets as they were seen last.

    Attributes:
        keys: Targets with history, and their key columns.
        versions: How many were seen, of all targets.
    """

    def __init__(self, query: Query, keys: dict[str, tuple[str, ...]]) -> None:
        self.keys = keys
        self._query = query
        self._ended: dict[str, set[tuple[Any, ...]]] = {name: set() for name in keys}
        self._begun: dict[str, set[tuple[Any, ...]]] = {name: set() for name in keys}

    @property
    def versions(self) -> int:
        return sum(len(found) for found in self._begun.values())

    def look(self) -> list[str]:
        """Returns what is wrong by now; targets that do not exist yet are right."""
        wrong = []
        for target, key in self.keys.items():
            with contextlib.suppress(snowflake.connector.errors.ProgrammingError):
                rows = self._query(f"SELECT {', '.join(key)}, n, {_OWN} FROM {target}")
                wrong += self._compared(target, len(key), rows)
                statement = broken_invariants(target, key)
                (counts,) = self._query(statement.text)
                if any(counts[:-1]):
                    wrong.append(f"{target}: broken {counts}")
        return wrong

    def _compared(self, target: str, keys: int, rows: list[Any]) -> list[str]:
        ended = {tuple(row) for row in rows if row[keys + 2] is not None}
        begun = {(*row[:keys], row[keys + 1]) for row in rows}
        changed, lost = self._ended[target] - ended, self._begun[target] - begun
        self._ended[target], self._begun[target] = ended, begun
        told = (
            [f"{target}: {len(changed)} ended versions are others"] if changed else []
        )
        return told + ([f"{target}: {len(lost)} versions are lost"] if lost else [])
