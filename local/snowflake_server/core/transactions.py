"""Transactions: one writer at a time, readers always see what is committed.

A DuckDB transaction is opened at the first write only, right after the global write
lock is taken. Nobody else can commit while the lock is held, so the transaction's
snapshot is always the latest state: READ COMMITTED, in a legal serial order.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import duckdb

from local.snowflake_server.core.errors import SnowflakeError

Work = Callable[[duckdb.DuckDBPyConnection], Any]


# Reported, not documented: error 000625, dbt_artifacts issue 431. They wait for one
# table; here one lock stands for all of them, which is stricter.
MOST_WAITERS = 20
_NUMBERS = itertools.count(1)


class WriteLock:
    """The one lock that a writing transaction holds from its first write to its end."""

    def __init__(self, *, timeout_seconds: float) -> None:
        """Set how long a writer waits before error 000625."""
        self.timeout_seconds = timeout_seconds
        self.lock = threading.Lock()
        self._holder: Scope | None = None
        self._count = threading.Lock()
        self._waiting = 0

    def take(self, scope: Scope) -> None:
        """Wait for the lock.

        Raises:
            SnowflakeError: 000625, after the time-out, or at once if the holder is
                a caller that waits for this very procedure, or 20 others wait (R3).
        """
        outer = scope.outer
        while outer is not None:
            if self._holder is outer:
                raise self._error("a transaction of the calling session holds it")
            outer = outer.outer
        if not self.lock.acquire(blocking=False):
            self._wait()
        self._holder = scope

    def _wait(self) -> None:
        with self._count:
            if self._waiting >= MOST_WAITERS:
                raise self._error(f"{self._waiting} statements wait already")
            self._waiting += 1
        try:
            if not self.lock.acquire(timeout=self.timeout_seconds):
                raise self._error(f"waited {self.timeout_seconds:g} s")
        finally:
            with self._count:
                self._waiting -= 1

    def release(self) -> None:
        """Let the next writer go on."""
        self._holder = None
        self.lock.release()

    @staticmethod
    def _error(why: str) -> SnowflakeError:
        return SnowflakeError(
            625,
            "57014",
            f"Statement has locked waiters or could not get its lock: {why}. "
            "Your statement was aborted because the number of waiters for this lock "
            "exceeds the limit or its lock time-out has passed.",
        )


class Scope:
    """One line of transactions: of a session, or of a procedure that said BEGIN."""

    def __init__(
        self,
        *,
        connection: duckdb.DuckDBPyConnection,
        lock: WriteLock,
        outer: Scope | None = None,
    ) -> None:
        """Open a connection of its own."""
        self.connection = connection.cursor()
        self.outer = outer
        self.explicit = False
        self.lock = lock
        self._writing = False
        self._transaction: str | None = None
        self._journal: list[Work] = []

    @property
    def transaction(self) -> str | None:
        """Id of the open transaction, as CURRENT_TRANSACTION() gives it."""
        return self._transaction if self.explicit else None

    @property
    def writing(self) -> bool:
        """Whether the open transaction holds the write lock."""
        return self._writing

    def begin(self) -> None:
        """BEGIN; inside a transaction it changes nothing, as in Snowflake."""
        if not self.explicit:
            self._transaction = f"{next(_NUMBERS):019d}"
        self.explicit = True

    def commit(self) -> None:
        """COMMIT what was written."""
        self._finish("COMMIT")

    def rollback(self) -> None:
        """ROLLBACK what was written."""
        self._finish("ROLLBACK")

    def _finish(self, how: str) -> None:
        self.explicit = False
        self._journal.clear()
        if self._writing:
            try:
                self.connection.execute(how)
            finally:
                self._writing = False
                self.lock.release()

    def write(self, work: Work) -> Any:
        """Run one writing statement: all of it or nothing.

        In an explicit transaction a failed statement does not end the transaction:
        DuckDB aborts it, so the earlier statements are run again in a new one. Nobody
        else can have written in between.
        """
        if not self.explicit:
            self._open()
            try:
                result = work(self.connection)
            except BaseException:
                self._finish("ROLLBACK")
                raise
            self._finish("COMMIT")
            return result
        if not self._writing:
            self._open()
        result = self._in_transaction(work)
        self._journal.append(work)
        return result

    def read(self, work: Work) -> Any:
        """Run one reading statement, in the open transaction if there is one."""
        if self._writing:
            return self._in_transaction(work)
        return work(self.connection)

    def _in_transaction(self, work: Work) -> Any:
        try:
            return work(self.connection)
        except Exception:  # whatever it was, DuckDB may have aborted the transaction
            self.connection.execute("ROLLBACK")
            self.connection.execute("BEGIN TRANSACTION")
            for earlier in self._journal:
                earlier(self.connection)
            raise

    def _open(self) -> None:
        self.lock.take(self)
        self.connection.execute("BEGIN TRANSACTION")
        self._writing = True

    def close(self) -> None:
        """Roll back what is open and let the connection go."""
        self.rollback()
        self.connection.close()
