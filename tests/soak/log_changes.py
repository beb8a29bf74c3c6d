"""Random changes of a source: three tables, three writers, transactions of every kind.

One table has a plain key, one a key that is equal in other spellings, one partitions.
Who reads the changes is up to the subclasses.
"""

import contextlib
import random
import threading
from collections.abc import Callable
from typing import Any

import psycopg2.extensions

from lambda_extract import contract
from local.aurora import Aurora

KEYS = 40
# Of the table with a plain key. Inserts and most changes are of the first KEYS, so that
# a row that got another key is often left alone: no later change hides it.
PLAIN_KEYS = 3 * KEYS
DAYS = 3
PLAIN, SPELLED, SPLIT = "plain", "spelled", "days"
# Of server and database: large transactions are streamed, and a commit can wait for a
# standby that is not there, if its session wants that.
SERVER_SETTINGS = {
    "logical_decoding_work_mem": "64kB",
    "synchronous_standby_names": "nobody",
    "max_replication_slots": "50",
}


class Changes:
    """A source that changes at random; `seed` says how.

    Attributes:
        plain_only: Nothing that makes a table be read as a whole, which can hide a row
            that stayed behind.
        hangs: The server can keep a commit waiting.
    """

    def __init__(
        self, server: Aurora, seed: int, *, database: str, plain_only: bool = False
    ) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.name = f"soak_{seed}"
        self.database_name = database
        self.plain_only = plain_only
        self.log = contract.LogSpec(f"aurora_sync_{self.name}", self.name)
        self.plain, self.spelled, self.days = (
            f"{self.name}_{kind}" for kind in (PLAIN, SPELLED, SPLIT)
        )
        self.tables = (self.plain, self.spelled, self.days)
        self.writers = [server.connect(database) for _ in range(3)]
        self.open = [False] * 3
        self.prepared: list[str] = []
        self.apart: set[int] = set()
        self.unpublished: set[str] = set()
        self.waiting: list[tuple[int, threading.Thread]] = []
        (standbys,) = self.sql("SHOW synchronous_standby_names")[0]
        self.hangs = bool(standbys)

    # --- the source -------------------------------------------------------------------

    def sql(self, text: str, writer: int = 0) -> list[Any]:
        with self.writers[writer].cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []

    def create(self) -> None:
        name = self.log.publication
        self.sql(f"CREATE TABLE {self.plain} (id bigint PRIMARY KEY, n text)")
        self.sql(f"CREATE TABLE {self.spelled} (id numeric PRIMARY KEY, n text)")
        self.sql(
            f"CREATE TABLE {self.days} (id int, day int, n text,"
            " PRIMARY KEY (id, day)) PARTITION BY LIST (day)"
        )
        for day in range(DAYS):
            self.sql(
                f"CREATE TABLE {self.days}_{day}"
                f" PARTITION OF {self.days} FOR VALUES IN ({day})"
            )
        tables = ", ".join(self.tables)
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
        rare = [self._large, self._savepoint, self._prepare]
        rare += [self._abandon, self._hang, self._release, self._rename]
        if not self.plain_only:
            rare += [self._truncate, self._detach, self._attach, self._rewrite]
            rare += [self._unpublish, self._publish]
        return rows + blocks + rare

    def _any_key(self) -> int:
        return self.random.randrange(KEYS)

    def _value(self) -> str:
        return f"'{self.random.randrange(10**6)}'"

    def _insert(self, writer: int) -> None:
        key, value = self._any_key(), self._value()
        day = self.random.randrange(DAYS)
        for table, values in (
            (self.plain, f"{key}, {value}"),
            (self.spelled, f"{key}.{'0' * self.random.randrange(3)}, {value}"),
            (self.days, f"{key}, {day}, {value}"),
        ):
            self.sql(
                f"INSERT INTO {table} VALUES ({values}) ON CONFLICT DO NOTHING",
                writer,
            )

    def _update(self, writer: int) -> None:
        table, key = self.random.choice(self.tables), self._any_key()
        # Few rows: what hides a mistake is that every row changes again.
        which = self.random.choice([f"id = {key}", f"id % 7 = {key % 7}"])
        self.sql(f"UPDATE {table} SET n = {self._value()} WHERE {which}", writer)

    def _delete(self, writer: int) -> None:
        table = self.random.choice(self.tables)
        self.sql(f"DELETE FROM {table} WHERE id = {self._any_key()}", writer)

    def _key(self, writer: int) -> None:
        old, new = self._any_key(), self._any_key()
        far = self.random.randrange(PLAIN_KEYS)
        for statement in self.random.sample(
            [
                f"UPDATE {self.plain} SET id = {far} WHERE id ="
                f" (SELECT min(id) FROM {self.plain} WHERE id >= {old})",
                f"UPDATE {self.spelled} SET id = {old}.{'0' * (new % 3)}"
                f" WHERE id = {old}",
                f"UPDATE {self.days} SET day = {new % DAYS} WHERE id = {old}"
                f" AND day = {old % DAYS}",
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
            self.sql(f"UPDATE {self.plain} SET n = n || ''", writer)
            self.sql(f"UPDATE {self.days} SET n = n || ''", writer)

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
            name = f"{self.name}_{self.random.randrange(10**9)}"
            self.sql(f"PREPARE TRANSACTION '{name}'", writer)
            self.open[writer] = False
            self.prepared.append(name)

    def _truncate(self, writer: int) -> None:
        """Not in an open transaction: everybody would wait for its lock."""
        if self.open[writer]:
            return
        day = self.random.randrange(DAYS)
        names = (self.plain, f"{self.days}_{day}")
        self.sql("BEGIN", writer)
        self.sql(f"TRUNCATE {self.random.choice(names)}", writer)
        self._insert(writer)
        self.sql("COMMIT", writer)

    def _detach(self, writer: int) -> None:
        day = self.random.randrange(DAYS)
        if self.open[writer] or day in self.apart:
            return
        part = f"{self.days}_{day}"
        self.sql(f"ALTER TABLE {self.days} DETACH PARTITION {part}", writer)
        self.apart.add(day)
        self.sql(f"UPDATE {part} SET n = 'apart'", writer)
        self.sql(f"DELETE FROM {part} WHERE id % 3 = 0", writer)

    def _attach(self, writer: int) -> None:
        if self.open[writer] or not self.apart:
            return
        day = self.random.choice(sorted(self.apart))
        part = f"{self.days}_{day}"
        self.sql(
            f"ALTER TABLE {self.days} ATTACH PARTITION {part}"
            f" FOR VALUES IN ({day})",
            writer,
        )
        self.apart.discard(day)

    def _unpublish(self, writer: int) -> None:
        """A table leaves the publication; the log tells nothing of it any more."""
        left = sorted(set(self.tables) - self.unpublished)
        if self.open[writer] or not left:
            return
        table = self.random.choice(left)
        self._alter_publication(writer, "DROP", table)
        self.unpublished.add(table)

    def _publish(self, writer: int) -> None:
        """It comes back, beside transactions that have changed it meanwhile."""
        if not self.open[writer] and self.unpublished:
            table = self.random.choice(sorted(self.unpublished))
            self._alter_publication(writer, "ADD", table)
            self.unpublished.discard(table)

    def _alter_publication(self, writer: int, how: str, table: str) -> None:
        self.sql(
            f"ALTER PUBLICATION {self.log.publication} {how} TABLE {table}", writer
        )

    def _rewrite(self, writer: int) -> None:
        if not self.open[writer]:
            self.sql(f"VACUUM FULL {self.plain}", writer)

    def _rename(self, writer: int) -> None:
        """A change under another name: the log has the name of its moment."""
        if self.open[writer]:
            return
        away = f"{self.plain}_away"
        self.sql("BEGIN", writer)
        self.sql(f"ALTER TABLE {self.plain} RENAME TO {away}", writer)
        self.sql(
            f"UPDATE {away} SET n = {self._value()} WHERE id = {self._any_key()}",
            writer,
        )
        self.sql(f"ALTER TABLE {away} RENAME TO {self.plain}", writer)
        self.sql("COMMIT", writer)

    def _abandon(self, writer: int) -> None:
        """A large transaction that comes in blocks and is rolled back."""
        self._large(writer)
        self._roll_back(writer)

    def _hang(self, writer: int) -> None:
        """A commit that is in the log and not visible: it waits for a standby."""
        if self.waiting or not self.hangs:
            return
        connection = self.server.connect(self.database_name)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'; SET synchronous_commit = on")
            cursor.execute("BEGIN")
            # One table: with more of them, another change hides it.
            cursor.execute(
                f"UPDATE {self.plain} SET n = {self._value()}"
                f" WHERE id = {self._any_key()}"
            )
            if not cursor.rowcount:
                connection.close()
                return
        thread = threading.Thread(target=_ended, args=[connection])
        thread.start()
        pid = connection.info.backend_pid
        self.waiting.append((pid, thread))
        while not self.sql(
            "SELECT 1 FROM pg_stat_activity"
            f" WHERE pid = {pid} AND wait_event = 'SyncRep'"
        ):
            if not thread.is_alive():
                return

    def _release(self, writer: int) -> None:
        """The commit that waits becomes visible."""
        while self.waiting:
            pid, thread = self.waiting.pop()
            while thread.is_alive():
                self.sql(f"SELECT pg_cancel_backend({pid})")
                thread.join(0.05)

    def settle_source(self) -> None:
        """Ends all transactions, and puts back what was apart or not published."""
        self._release(0)
        for writer in range(3):
            self._commit(writer)
        for (name,) in self.sql(
            f"SELECT gid FROM pg_prepared_xacts WHERE gid LIKE '{self.name}\\_%'"
        ):
            self.sql(f"COMMIT PREPARED '{name}'")
        self.prepared.clear()
        while self.apart:
            self._attach(0)
        while self.unpublished:
            self._publish(0)

    def reconnect(self) -> None:
        """Begins anew after the server has ended and started again."""
        for writer in self.writers:
            writer.close()
        self.waiting.clear()
        self.writers = [self.server.connect(self.database_name) for _ in range(3)]
        self.open = [False] * 3
        rows = self.sql(
            f"SELECT gid FROM pg_prepared_xacts WHERE gid LIKE '{self.name}\\_%'"
        )
        self.prepared = [name for (name,) in rows]
        # What was committed a moment ago may be lost, an ALTER TABLE too.
        attached = self.sql(
            "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c"
            f" ON c.oid = i.inhrelid WHERE i.inhparent = '{self.days}'::regclass"
        )
        there = {int(name.rpartition("_")[2]) for (name,) in attached}
        self.apart = set(range(DAYS)) - there
        published = self.sql(
            "SELECT r.prrelid::regclass::text FROM pg_publication_rel AS r"
            " JOIN pg_publication AS p ON p.oid = r.prpubid"
            f" WHERE p.pubname = '{self.log.publication}'"
        )
        self.unpublished = set(self.tables) - {name for (name,) in published}

    def end(self) -> None:
        """Takes everything of the schedule away."""
        for writer in self.writers:
            with contextlib.suppress(psycopg2.Error), writer.cursor() as cursor:
                cursor.execute("ROLLBACK")
        self.settle_source()
        self.sql(f"DROP PUBLICATION IF EXISTS {self.log.publication}")
        self.sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            f" WHERE slot_name = '{self.log.slot}'"
        )
        for table in self.tables:
            self.sql(f"DROP TABLE IF EXISTS {table} CASCADE")
        for writer in self.writers:
            writer.close()


def _ended(connection: psycopg2.extensions.connection) -> None:
    """Commits, however long that takes."""
    with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
        cursor.execute("COMMIT")
    connection.close()
