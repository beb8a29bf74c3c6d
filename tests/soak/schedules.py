"""Random schedules of changes, ALTER TABLE, transactions, syncs, faults; then equality.

Each schedule has tables of its own: two with a timestamp cursor (one of them compares
keys), one with an integer cursor, one that is reloaded. In some schedules pipes load
them. Whatever went wrong in between,
once every transaction has ended and one more sync of each table went well, source and
target hold the same rows, and no watermark ever went back.
"""

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg2
import psycopg2.errors
import psycopg2.extensions
import snowflake.connector
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from local.compare import compare_table
from local.stack import Stack
from tests.end_to_end.faults import Switchboard

KINDS = ("stamped", "counted", "reloaded", "compared")
SETTINGS: dict[str, dict[str, Any]] = {
    "stamped": {"cursor": "updated_at", "chunk_rows": 7},
    "counted": {"cursor": "id", "chunk_rows": 7},
    "reloaded": {"mode": "full", "chunk_rows": 20},
    "compared": {
        "cursor": "updated_at",
        "deletes": "key_compare",
        "delete_action": "hard",
        "delete_check_minutes": 0,
        "max_delete_percent": 100,
    },
}
LONG_TRANSACTIONS = 2
# A lost worker is noticed after its time-out: short here, or a soak would only wait.
TIME_SETTINGS = {
    "EXTRACT_BUDGET_SECONDS": "2",
    "WORKER_TIMEOUT_SECONDS": "2.5",
    "WORKER_START_SECONDS": "2",
    "WORKER_GRACE_SECONDS": "0.3",
    "WORKER_SILENT_SECONDS": "1.5",
    "PROOF_WAIT_SECONDS": "0.2",
}
# How long between two looks for a session to end.
_LOOK_SECONDS = 0.005
_numbers = itertools.count(1)

# One fault of one sync. Numbers are drawn so that every statement of a sync is hit.
faults = st.one_of(
    st.none(),
    st.builds(
        lambda at: ("gateway", {"kill_worker": [at]}),
        st.sampled_from(
            [
                {"at": "start"},
                {"at": "bytes", "bytes": 1},
                {"at": "bytes", "bytes": 200},
                {"at": "before_part_reply"},
                {"at": "before_reply"},
                {"at": "after_reply"},
            ]
        ),
    ),
    st.builds(
        lambda name, n: ("gateway", {name: n}),
        st.sampled_from(
            [
                "drop_events",
                "duplicate_events",
                "fail_invokes",
                "fail_requests",
                "lose_replies",
            ]
        ),
        st.integers(1, 2),
    ),
    st.builds(
        lambda action, when, nth: (
            "snowflake",
            {"match": "", "action": action, "when": when, "nth": nth},
        ),
        st.sampled_from(["error", "kill_procedure", "kill_procedure"]),
        st.sampled_from(["before", "after"]),
        st.integers(1, 20),
    ),
    st.builds(
        lambda n, after, status: (
            "storage",
            {"fail_puts": n, "fail_after": after, "status": status},
        ),
        st.integers(1, 6),
        st.integers(0, 1),
        st.sampled_from([403, 500]),
    ),
    st.builds(
        lambda rule, n: ("storage", {rule: n}),
        st.sampled_from(["lose_events", "double_events"]),
        st.integers(1, 4),
    ),
    st.just(("postgres", {})),
)
tables = st.sampled_from(KINDS)
owners = st.integers(0, LONG_TRANSACTIONS)
extras = st.sampled_from(["extra_a", "extra_b"])


class Schedules(RuleBasedStateMachine):
    """One instance is one schedule. `stack` is set by `run_schedules`."""

    stack: Stack

    def __init__(self) -> None:
        super().__init__()
        self.number = next(_numbers)
        # A table that no step names would show a first load of plain rows, no more.
        self.touched: set[str] = set()
        self.faults = Switchboard(self.stack.endpoints)
        self.target = snowflake.connector.connect(
            **self.stack.endpoints.snowflake.parameters
        )
        # Number 0 commits at once; the others hold long transactions.
        self.sources = [self._connect() for _ in range(LONG_TRANSACTIONS + 1)]
        self.sources[0].autocommit = True

    def _connect(self) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(self.stack.endpoints.aurora_dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20ms'")
        return connection

    def name(self, kind: str) -> str:
        """Returns the table of a kind in this schedule; the end compares it."""
        self.touched.add(kind)
        return f"{kind}_{self.number}"

    @initialize(
        rows=st.integers(0, 30),
        load_method=st.sampled_from(["copy", "copy", "snowpipe"]),
    )
    def create(self, rows: int, load_method: str) -> None:
        """Creates the tables and applies a configuration for them."""
        for kind in KINDS:
            table = self.name(kind)
            self._psql(
                0,
                f"""
                CREATE TABLE {table} (
                    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
                    owner int NOT NULL,
                    value text,
                    updated_at timestamptz NOT NULL DEFAULT now()
                );
                CREATE INDEX ON {table} (updated_at);
                INSERT INTO {table} (owner, value)
                SELECT i % {LONG_TRANSACTIONS + 1}, 'v' || i
                FROM generate_series(1, {rows}) AS i;
                ANALYZE {table}
                """,
            )
        self.settings = SETTINGS | self.more_tables()
        # The server commits without waiting: a crash may take rows, and never a table.
        self._psql(
            0,
            "BEGIN; SET LOCAL synchronous_commit = on;"
            " SELECT pg_logical_emit_message(true, 'soak', 'made'); COMMIT",
        )
        config = {
            "version": 1,
            "defaults": {
                "source": "shop",
                "target_schema": "soak",
                "margin_seconds": 0,
                "load_method": load_method,
                "pipe_wait_seconds": 2,
            },
            "sources": {"shop": {"max_parallel": 2, "time_zone": "UTC"}},
            "tables": {self.name(kind): text for kind, text in self.settings.items()},
        }
        self._snowflake("CALL APPLY_CONFIG(%s, FALSE, TRUE)", json.dumps(config))
        self.touched.clear()

    def more_tables(self) -> dict[str, dict[str, Any]]:
        """Creates further tables and returns their settings."""
        return {}

    def is_told(self, kind: str, error: Exception) -> bool:
        """True if the last sync rightly refuses the table, and says so."""
        return False

    def was_told(self, kind: str) -> bool:
        """True if a sync has warned that only a reload is sure to be right."""
        return False

    @rule(kind=tables, owner=owners, rows=st.integers(1, 12))
    def insert(self, kind: str, owner: int, rows: int) -> None:
        """Inserts rows, at once or in a long transaction."""
        self._psql(
            owner,
            f"INSERT INTO {self.name(kind)} (owner, value)"
            f" SELECT {owner}, 'i' || i FROM generate_series(1, {rows}) AS i",
        )

    @rule(
        kind=st.sampled_from(["stamped", "reloaded", "compared"]),
        owner=owners,
        value=st.sampled_from(["", None, 'x"\n', "\\N", "y"]),
        part=st.integers(0, 2),
    )
    def update(self, kind: str, owner: int, value: str | None, part: int) -> None:
        """Updates some rows of an owner."""
        self._psql(
            owner,
            f"UPDATE {self.name(kind)} SET value = %s, updated_at = now()"
            f" WHERE owner = {owner} AND id %% 3 = {part}",
            value,
        )

    @rule(
        kind=st.sampled_from(["reloaded", "compared"]),
        owner=owners,
        part=st.integers(0, 4),
    )
    def delete(self, kind: str, owner: int, part: int) -> None:
        """Deletes some rows of an owner."""
        self._psql(
            owner,
            f"DELETE FROM {self.name(kind)}"
            f" WHERE owner = {owner} AND abs(id) % 5 = {part}",
        )

    @rule(kind=st.sampled_from(["reloaded", "compared"]), row=st.integers(1, 9))
    def insert_again(self, kind: str, row: int) -> None:
        """Inserts a row under a key that was deleted, perhaps."""
        self._psql(
            0,
            f"INSERT INTO {self.name(kind)} (id, owner, value)"
            f" VALUES (-{row}, 0, 'again') ON CONFLICT (id) DO NOTHING",
        )

    @rule(kind=tables, what=st.integers(0, 4), name=extras, other=extras)
    def alter(self, kind: str, what: int, name: str, other: str) -> None:
        """Alters the table; PostgreSQL refuses what has no meaning."""
        table = f"ALTER TABLE {self.name(kind)}"
        texts = [
            f"{table} ADD {name} int",
            f"{table} DROP {name}",
            f"{table} RENAME {name} TO {other}",
            f"{table} RENAME {name} TO x; {table} RENAME {other} TO {name};"
            f"{table} RENAME x TO {other}",
            f"{table} ALTER {name} TYPE bigint",
        ]
        with contextlib.suppress(psycopg2.ProgrammingError):
            self._psql(0, texts[what])

    @rule(kind=st.sampled_from(["stamped", "reloaded", "compared"]), name=extras)
    def write_extra(self, kind: str, name: str) -> None:
        """Writes into a column that is there, perhaps."""
        with contextlib.suppress(psycopg2.ProgrammingError):
            self._psql(
                0,
                f"UPDATE {self.name(kind)} SET {name} = id, updated_at = now()"
                " WHERE owner = 0 AND id % 2 = 0",
            )

    @rule(owner=st.integers(1, LONG_TRANSACTIONS), commit=st.booleans())
    def end_transaction(self, owner: int, commit: bool) -> None:
        """Ends a long transaction; late, more often than not."""
        if commit:
            self.sources[owner].commit()
        else:
            self.sources[owner].rollback()

    @rule(kind=tables, fault=faults)
    def sync(self, kind: str, fault: tuple[str, Any] | None) -> None:
        """Syncs a table, whatever comes of it."""
        with (
            self._in_force(fault),
            contextlib.suppress(snowflake.connector.errors.Error),
        ):
            self._snowflake("CALL SYNC_TABLE(%s)", self.name(kind))

    @rule(kind=tables)
    def resync(self, kind: str) -> None:
        """Reloads a table."""
        with contextlib.suppress(snowflake.connector.errors.Error):
            self._snowflake("CALL RESYNC_TABLE(%s)", self.name(kind))

    @rule(kind=tables)
    def expire_lease(self, kind: str) -> None:
        """Lets the lease of a run that was killed end."""
        self._snowflake(
            "UPDATE control.sync_leases SET expires_at = DATEADD('hour', -1,"
            " CURRENT_TIMESTAMP()) WHERE table_name = %s AND run_id IS NOT NULL",
            self.name(kind),
        )

    def teardown(self) -> None:
        """Lets the dust settle, syncs again, and compares."""
        try:
            self._settle()
        finally:
            self.faults.clear()
            for connection in self.sources:
                connection.close()
            self.target.close()

    def _settle(self) -> None:
        self.faults.clear()
        for connection in self.sources[1:]:
            connection.commit()
        touched = frozenset(self.touched)
        for kind in self.settings:
            table = self.name(kind)
            if kind not in touched:
                self._psql(0, f"DROP TABLE {table} CASCADE")
                continue
            self.expire_lease(kind)
            try:
                self._sync_for_certain(table)
            except snowflake.connector.errors.Error as error:
                if self.is_told(kind, error):
                    continue
                if "[too_many_deletes]" not in str(error):
                    raise
                # Most rows are gone indeed: a person looks, and says so.
                self._snowflake("CALL CONFIRM_DELETES(%s)", table)
            difference = self._difference(table)
            if difference and self.was_told(kind):
                self._snowflake("CALL RESYNC_TABLE(%s)", table)
                difference = self._difference(table)
            assert not difference, f"{table}: {difference}"
            self._assert_watermark_never_went_back(table)
            self._psql(0, f"DROP TABLE {table} CASCADE")
            self._snowflake(f"DROP TABLE soak.{table}")

    def _difference(self, table: str) -> str:
        comparison = compare_table(
            source=self.sources[1],
            target=self.target,
            source_table=("public", table),
            target_table=f"SOAK.{table.upper()}",
        )
        self.sources[1].rollback()
        return "" if comparison.equal else comparison.explain()

    def _sync_for_certain(self, table: str) -> None:
        """Syncs; if the error says so (a slow machine's time-out), tries again."""
        for attempt in (1, 2, 3):
            try:
                self._snowflake("CALL SYNC_TABLE(%s)", table)
                return
            except snowflake.connector.errors.Error as error:
                if attempt == 3 or "A retry may help." not in str(error):
                    raise

    def _assert_watermark_never_went_back(self, table: str) -> None:
        rows = self._snowflake(
            "SELECT watermark, watermark_type, kind FROM control.sync_watermarks"
            " WHERE table_name = %s ORDER BY version",
            table,
        )
        # A reload starts over, by a person's will; increments only go forward.
        last = None
        for watermark, type_, kind in rows:
            if kind == "increment" and last is not None:
                assert watermark is not None, f"{table}: the watermark was lost"
                (forward,) = self._psql(
                    0, f"SELECT %s::{type_} >= %s::{type_}", watermark, last
                )
                assert forward[0], f"{table}: {last} -> {watermark}"
            last = watermark

    def _psql(self, owner: int, text: str, *params: Any) -> list[Any]:
        """Runs a statement for an owner; a row that somebody else holds is left."""
        connection = self.sources[owner]
        with connection.cursor() as cursor:
            try:
                if owner:
                    cursor.execute("SAVEPOINT s")
                cursor.execute(text, params or None)
            except psycopg2.errors.LockNotAvailable:
                if owner:
                    cursor.execute("ROLLBACK TO SAVEPOINT s")
                return []
            return cursor.fetchall() if cursor.description else []

    def _snowflake(self, text: str, *params: Any) -> list[Any]:
        cursor = self.target.cursor()
        cursor.execute(text, params or None)
        return list(cursor.fetchall())

    @contextlib.contextmanager
    def _in_force(self, fault: tuple[str, Any] | None) -> Iterator[None]:
        if fault is None:
            yield
            return
        side, rules = fault
        if side == "gateway":
            self.faults.gateway(**rules)
        elif side == "snowflake":
            self.faults.snowflake({**rules, "procedure": "SYNC_TABLE"})
        elif side == "storage":
            self.faults.storage(**rules)
        else:
            with cut_connections(self._connect()):
                yield
            return
        yield
        self.faults.clear()


@contextlib.contextmanager
def cut_connections(
    connection: psycopg2.extensions.connection,
) -> Iterator[None]:
    """Ends one session of the extraction while the block runs."""
    connection.autocommit = True
    over = threading.Event()

    def cut() -> None:
        with connection.cursor() as cursor:
            # Not without a pause: what else runs here needs the processors, too.
            while not over.wait(_LOOK_SECONDS):
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'aurora_sync:%' LIMIT 1"
                )
                if cursor.fetchall():
                    return

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        connection.close()


def run_schedules(
    stack: Stack,
    *,
    schedules: int,
    steps: int,
    seed: int,
    shrink: bool = False,
    kind: type[Schedules] = Schedules,
) -> None:
    """Runs schedules against a stack.

    Args:
        schedules: How many.
        steps: The most steps of one schedule.
        seed: The same seed makes the same schedules.
        kind: What happens in them.
        shrink: Looks for a shorter schedule after a failure; takes minutes.

    Raises:
        AssertionError: A schedule did not converge.
    """
    machine = type("BoundSchedules", (kind,), {"stack": stack})
    run_state_machine_as_test(
        hypothesis.seed(seed)(machine),
        settings=hypothesis.settings(
            max_examples=schedules,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(hypothesis.Phase.generate, *([hypothesis.Phase.shrink] * shrink)),
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
