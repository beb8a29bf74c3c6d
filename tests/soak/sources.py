"""More that happens to a source: other states, other relations, other kinds of keys.

Beside the tables of every schedule there are one with partitions, one with a numeric,
one with a date and one with a text key (with and without U+FEFF), and one whose key
nobody enforces. In the end each target is equal, or the sync says why it is not.
"""

import contextlib
from typing import Any

import psycopg2
import snowflake.connector
from hypothesis import strategies as st
from hypothesis.stateful import rule

from local.aurora import start_aurora
from tests.soak.schedules import KINDS, LONG_TRANSACTIONS, Schedules, owners

COMPARED = {
    "cursor": "updated_at",
    "deletes": "key_compare",
    "delete_action": "hard",
    "delete_check_minutes": 0,
    "max_delete_percent": 100,
}
BODY = "value text, updated_at timestamptz NOT NULL DEFAULT now()"
# Their keys, as SQL over a small number n.
KEYED = {
    "numbered": ("numeric", "n + mod(n, 4) / 4.0"),
    "dated": ("date", "DATE '1999-12-25' + n"),
    "texted": ("text", "CASE mod(n, 2) WHEN 0 THEN U&'\\FEFF' ELSE '' END || n / 2"),
}
PARTED, LOOSE, TWOFOLD = "parted", "loose", "twofold"
# Created with one time and modified with the other: of some rows only one is known.
TWO_TIMES = "modified_at timestamptz, created_at timestamptz"
OLD = "now() - interval '9 days'"
PARTS = 4
plain = st.sampled_from(KINDS)
keyed = st.sampled_from([*KEYED])
numbers = st.integers(0, 11)


class Sources(Schedules):
    """Schedules with everything that makes a source another one."""

    crashes = False

    def more_tables(self) -> dict[str, dict[str, Any]]:
        """Creates the further tables and returns their settings."""
        for kind, (key, _) in KEYED.items():
            self._psql(
                0, f"CREATE TABLE {self.name(kind)} (k {key} PRIMARY KEY, {BODY})"
            )
        self._psql(
            0,
            f"CREATE TABLE {self.name(PARTED)} (k int PRIMARY KEY, {BODY})"
            " PARTITION BY RANGE (k)",
        )
        self._psql(
            0, f"CREATE TABLE {self.name(LOOSE)} (k numeric(6,2) NOT NULL, {BODY})"
        )
        for kind in (*KEYED, PARTED, LOOSE):
            self._psql(0, f"CREATE INDEX ON {self.name(kind)} (updated_at)")
        self._psql(
            0,
            f"CREATE TABLE {self.name(TWOFOLD)}"
            f" (k int PRIMARY KEY, value text, {TWO_TIMES});"
            f"CREATE INDEX ON {self.name(TWOFOLD)}"
            " (GREATEST(modified_at, created_at))",
        )
        for part in range(2):
            self._attach_empty(part)
        return {
            **{kind: COMPARED for kind in (*KEYED, PARTED)},
            LOOSE: {"cursor": "updated_at", "key": ["k"]},
            TWOFOLD: {"cursor": ["modified_at", "created_at"], "chunk_rows": 4},
        }

    # --- states of the whole table ----------------------------------------------------

    @rule(kind=plain, rows=st.integers(0, 8), old=st.booleans())
    def truncate(self, kind: str, rows: int, old: bool) -> None:
        """Empties a table, sets its sequence back, and fills it again."""
        name = self.name(kind)
        with contextlib.suppress(psycopg2.errors.LockNotAvailable):
            fill = self._filled(name, rows, old)
            self._once(f"TRUNCATE {name} RESTART IDENTITY; {fill}")

    @rule(kind=plain, rows=st.integers(0, 8), old=st.booleans())
    def recreate(self, kind: str, rows: int, old: bool) -> None:
        """Drops a table and makes it anew."""
        name = self.name(kind)
        with contextlib.suppress(psycopg2.errors.LockNotAvailable):
            self._once(
                f"CREATE TABLE {name}_new (LIKE {name} INCLUDING ALL);"
                f" DROP TABLE {name};"
                f" ALTER TABLE {name}_new RENAME TO {name};"
                f" {self._filled(name, rows, old)}"
            )

    @rule(kind=plain, old=st.booleans())
    def swap(self, kind: str, old: bool) -> None:
        """Puts a table with other values in its place, by renaming both."""
        name = self.name(kind)
        moment = OLD if old else "now()"
        with contextlib.suppress(psycopg2.errors.LockNotAvailable):
            self._once(
                f"CREATE TABLE {name}_green (LIKE {name} INCLUDING ALL);"
                f" INSERT INTO {name}_green (id, owner, value, updated_at)"
                f" SELECT id, owner, 'green', {moment} FROM {name} WHERE id % 3 > 0;"
                f" ALTER TABLE {name} RENAME TO {name}_blue;"
                f" ALTER TABLE {name}_green RENAME TO {name};"
                f" DROP TABLE {name}_blue; {self._counted_on(name)}"
            )

    @rule(kind=plain)
    def back_up(self, kind: str) -> None:
        """Keeps the rows as they are now."""
        name = self.name(kind)
        self._once(
            f"DROP TABLE IF EXISTS {name}_kept;"
            f" CREATE TABLE {name}_kept AS"
            f" SELECT id, owner, value, updated_at FROM {name}"
        )

    @rule(kind=plain)
    def restore(self, kind: str) -> None:
        """Takes the table back to the rows that were kept."""
        name = self.name(kind)
        with contextlib.suppress(
            psycopg2.errors.LockNotAvailable, psycopg2.errors.UndefinedTable
        ):
            self._once(
                f"TRUNCATE {name}; INSERT INTO {name} (id, owner, value, updated_at)"
                f" SELECT id, owner, value, updated_at FROM {name}_kept;"
                f" {self._counted_on(name)}"
            )

    @rule(rows=st.integers(1, 6))
    def import_old(self, rows: int) -> None:
        """Inserts rows with old dates, if keys are compared."""
        self._psql(0, self._filled(self.name("compared"), rows, True))

    # --- keys -------------------------------------------------------------------------

    @rule(
        kind=keyed, n=numbers, value=st.sampled_from(["a", "\ufeffa", "\ufeff", None])
    )
    def write_key(self, kind: str, n: int, value: str | None) -> None:
        """Inserts or updates the row of a key."""
        self._psql(
            0,
            f"INSERT INTO {self.name(kind)} SELECT {self._key(kind, n)}, %s"
            " ON CONFLICT (k) DO UPDATE SET value = EXCLUDED.value, updated_at = now()",
            value,
        )

    @rule(kind=keyed, n=numbers)
    def delete_key(self, kind: str, n: int) -> None:
        """Deletes the row of a key."""
        self._psql(0, f"DELETE FROM {self.name(kind)} WHERE k = {self._key(kind, n)}")

    @rule(kind=keyed, n=numbers, other=numbers)
    def move_key(self, kind: str, n: int, other: int) -> None:
        """Gives a row another key, without a new cursor."""
        with contextlib.suppress(psycopg2.errors.UniqueViolation):
            self._psql(
                0,
                f"UPDATE {self.name(kind)} SET k = {self._key(kind, other)}"
                f" WHERE k = {self._key(kind, n)}",
            )

    @rule(n=st.integers(0, 5))
    def insert_loose(self, n: int) -> None:
        """Inserts a row under a key that another row may have."""
        self._psql(0, f"INSERT INTO {self.name(LOOSE)} VALUES ({n} / 2.0, 'loose')")

    @rule(owner=owners, n=st.integers(0, 9), kind=st.integers(0, 2))
    def write_twofold(self, owner: int, n: int, kind: int) -> None:
        """Creates or modifies a row, at once or in a long transaction."""
        name = self.name(TWOFOLD)
        k = owner * 10 + n
        texts = (
            f"INSERT INTO {name} VALUES ({k}, 'c', NULL, now())"
            " ON CONFLICT (k) DO NOTHING",
            f"INSERT INTO {name} VALUES ({k}, 'm', now(), NULL)"
            " ON CONFLICT (k) DO UPDATE SET value = 'n', modified_at = now()",
            f"UPDATE {name} SET value = 'a', created_at = now() WHERE k = {k}",
        )
        self._psql(owner, texts[kind])

    @rule(newest=st.booleans())
    def end_duplicates(self, newest: bool) -> None:
        """Leaves one row of each key: the newest or the oldest."""
        name = self.name(LOOSE)
        order = ">" if newest else "<"
        self._once(
            f"DELETE FROM {name} AS a USING {name} AS b WHERE a.k = b.k"
            f" AND (b.updated_at, b.ctid) {order} (a.updated_at, a.ctid)"
        )

    # --- partitions -------------------------------------------------------------------

    @rule(part=st.integers(0, PARTS - 1), n=st.integers(0, 9))
    def write_part(self, part: int, n: int) -> None:
        """Inserts or updates a row of a partition, if there is one."""
        with contextlib.suppress(psycopg2.errors.CheckViolation):
            self._psql(
                0,
                f"INSERT INTO {self.name(PARTED)} VALUES ({part * 10 + n}, 'part')"
                " ON CONFLICT (k) DO UPDATE SET value = 'again', updated_at = now()",
            )

    @rule(part=st.integers(0, PARTS - 1), rows=st.integers(0, 5), old=st.booleans())
    def attach(self, part: int, rows: int, old: bool) -> None:
        """Attaches a partition with rows, or the one that was detached."""
        name, parted = f"{self.name(PARTED)}_{part}", self.name(PARTED)
        moment = OLD if old else "now()"
        with contextlib.suppress(psycopg2.ProgrammingError):
            self._once(
                f"CREATE TABLE IF NOT EXISTS {name} (LIKE {parted} INCLUDING ALL);"
                f" INSERT INTO {name} SELECT {part * 10} + i, 'attached', {moment}"
                f" FROM generate_series(1, {rows}) AS i ON CONFLICT DO NOTHING;"
                f" ALTER TABLE {parted} ATTACH PARTITION {name}"
                f" FOR VALUES FROM ({part * 10}) TO ({part * 10 + 10})"
            )

    @rule(
        part=st.integers(0, PARTS - 1),
        what=st.sampled_from(["detach", "drop", "empty"]),
    )
    def detach(self, part: int, what: str) -> None:
        """Detaches, drops or empties a partition."""
        name = f"{self.name(PARTED)}_{part}"
        texts = {
            "detach": f"ALTER TABLE {self.name(PARTED)} DETACH PARTITION {name}",
            "drop": f"DROP TABLE {name}",
            "empty": f"TRUNCATE {name}",
        }
        with contextlib.suppress(psycopg2.ProgrammingError):
            self._once(texts[what])

    @rule(kind=st.sampled_from([*KEYED, PARTED, LOOSE, TWOFOLD]))
    def sync_more(self, kind: str) -> None:
        """Syncs one of the further tables, whatever comes of it."""
        with contextlib.suppress(snowflake.connector.errors.Error):
            self._snowflake("CALL SYNC_TABLE(%s)", self.name(kind))

    # --- the server -------------------------------------------------------------------

    @rule(kind=plain, sync=st.booleans())
    def crash(self, kind: str, sync: bool) -> None:
        """Kills the server, which forgets what was committed a moment ago."""
        server = self.stack.aurora
        if not self.crashes or server is None:
            return
        self._psql(0, self._filled(self.name(kind), 3, False))
        if sync:
            with contextlib.suppress(snowflake.connector.errors.Error):
                self._snowflake("CALL SYNC_TABLE(%s)", self.name(kind))
        server.crash()
        again = start_aurora(
            server.data.parent, port=server.port, programs=server.bin_path
        )
        # Who stops the first one stops this one.
        server.process = again.process
        for connection in self.sources:
            connection.close()
        self.sources = [self._connect() for _ in range(LONG_TRANSACTIONS + 1)]
        self.sources[0].autocommit = True

    # --- the end ----------------------------------------------------------------------

    def is_told(self, kind: str, error: Exception) -> bool:
        """True if the sync refuses rows that share their key, as they really do."""
        if kind != LOOSE or "[duplicate_keys]" not in str(error):
            return False
        shared = self._psql(
            0, f"SELECT k FROM {self.name(kind)} GROUP BY k HAVING count(*) > 1"
        )
        return bool(shared)

    def was_told(self, kind: str) -> bool:
        """True if ALTER TABLE wrote the table anew, which may hide a TRUNCATE."""
        rows = self._snowflake(
            "SELECT COUNT(*) FROM control.sync_recent_runs WHERE table_name = %s"
            " AND CONTAINS(TO_VARCHAR(warnings), 'table_rewritten')",
            self.name(kind),
        )
        return bool(rows[0][0])

    def _key(self, kind: str, n: int) -> str:
        return f"(SELECT {KEYED[kind][1]} FROM (SELECT {n}) AS s (n))"

    def _counted_on(self, name: str) -> str:
        return (
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'),"
            f" GREATEST(max(id), 1)) FROM {name}"
        )

    def _filled(self, name: str, rows: int, old: bool) -> str:
        moment = OLD if old else "now()"
        return (
            f"INSERT INTO {name} (owner, value, updated_at)"
            f" SELECT i % {LONG_TRANSACTIONS + 1}, 'f' || i, {moment}"
            f" FROM generate_series(1, {rows}) AS i"
        )

    def _attach_empty(self, part: int) -> None:
        parted = self.name(PARTED)
        self._psql(
            0,
            f"CREATE TABLE {parted}_{part} PARTITION OF {parted}"
            f" FOR VALUES FROM ({part * 10}) TO ({part * 10 + 10})",
        )

    def _once(self, text: str) -> None:
        """Runs statements as one transaction."""
        with self.sources[0].cursor() as cursor:
            cursor.execute(text)
