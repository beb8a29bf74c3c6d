"""Random changes of a source, read through its log by the real procedures.

Everything can die on the way: the procedure, the Lambda function, a session, the server
(which forgets what it committed a moment ago); the server can be replaced by a standby
that has no slot; somebody else can read the slot. Each call succeeds or says why not,
and in the end source and target have to be equal. Some targets keep a history, which
has to be right after each call.
"""

import contextlib
import json
import random
import shutil
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import snowflake.connector

from local.aurora import start_aurora
from local.stack import DATABASE, Stack
from tests.end_to_end.faults import Switchboard
from tests.soak.log_changes import Changes
from tests.soak.log_histories import Histories
from tests.soak.schedules import cut_connections

SCHEMA, GROUP = "SOAK", "logs"
# After these a person calls RESYNC_SOURCE.
BROKEN = (
    "slot_missing",
    "slot_lost",
    "slot_moved",
    "source_replaced",
    "log_not_started",
)
# After these nobody has to, with "on_gap": "resync".
HEALED = ("slot_missing", "slot_lost", "source_replaced")
_CALLS = ("SYNC_TABLE",) * 4 + ("CAPTURE_LOG", "SYNC_GROUP", "RESYNC_TABLE")
_WORKER_DIES = (
    {"at": "start"},
    {"at": "bytes", "bytes": 1},
    {"at": "bytes", "bytes": 200},
    {"at": "before_part_reply"},
    {"at": "before_reply"},
    {"at": "after_reply"},
)
# Workers have two seconds to start: on a busy machine new ones need more.
_ATTEMPTS = 8


class ProcedureSchedule(Changes):
    """One random schedule on a stack; `counts` says what it did.

    Attributes:
        crashes: The server may end, so that the stack is this schedule's alone.
        on_gap: As the source has it: a person calls RESYNC_SOURCE, or nobody has to.
        unhealed: Calls that asked for a person although nobody should have to.
        histories: Of the targets that keep one.
    """

    def __init__(
        self, stack: Stack, seed: int, *, crashes: bool, plain_only: bool = False
    ) -> None:
        if stack.aurora is None:
            raise ValueError("the server of the stack is not ours")
        super().__init__(stack.aurora, seed, database=DATABASE, plain_only=plain_only)
        self.stack = stack
        self.crashes = crashes
        self.faults = Switchboard(stack.endpoints)
        self.target = snowflake.connector.connect(
            **stack.endpoints.snowflake.parameters
        )
        self.counts: dict[str, int] = {}
        self.on_gap = self.random.choice(["fail", "resync"])
        self.unhealed: list[str] = []
        # Of its own: what else a seed stands for stays as it was.
        chosen = random.Random(f"history {seed}")
        self.patience = random.Random(f"patience {seed}")
        self.kept = [t for t in self.tables if chosen.random() < 0.5]
        self.histories = Histories(
            self.query, {self.target_of(t): self.key_of(t) for t in self.kept}
        )
        self.broken: list[str] = []

    def target_of(self, table: str) -> str:
        return f"{SCHEMA}.{table.upper()}"

    def key_of(self, table: str) -> tuple[str, ...]:
        return ("ID", "DAY") if table == self.days else ("ID",)

    # --- calls ------------------------------------------------------------------------

    def query(self, text: str, *params: Any) -> list[Any]:
        cursor = self.target.cursor()
        cursor.execute(text, params or None)
        return list(cursor.fetchall())

    def configure(self) -> None:
        """Makes tables, publication, configuration and slot."""
        self.create()
        self.sql(f"ALTER DATABASE {DATABASE} SET logical_decoding_work_mem = '64kB'")
        settings = {
            "mode": "log",
            "group": GROUP,
            "chunk_rows": self.random.choice([1, 7, 1000]),
        }
        ends = {
            table: (
                {"history": True} if table in self.kept else {"delete_action": "hard"}
            )
            for table in self.tables
        }
        log = {
            "slot": self.log.slot,
            "publication": self.name,
            "on_gap": self.on_gap,
        }
        config = {
            "version": 1,
            "max_removed_tables": 100_000,
            "defaults": {"source": "shop", "target_schema": SCHEMA},
            "sources": {"shop": {"time_zone": "UTC", "max_parallel": 2, "log": log}},
            "groups": {GROUP: {}},
            "tables": {table: {**settings, **more} for table, more in ends.items()},
        }
        self.query("CALL APPLY_CONFIG(%s, FALSE, TRUE)", json.dumps(config))
        for attempt in range(_ATTEMPTS):
            outcome = self.outcome("START_LOG", "shop")
            if outcome != "worker_lost":
                break
            time.sleep(attempt)
        if outcome != "ok":
            raise RuntimeError(f"START_LOG: {outcome}")

    def call(self) -> None:
        """Calls something, while something may go wrong; notes what came of it."""
        name = self.random.choice(_CALLS)
        argument = self.random.choice(self.tables)
        if name == "CAPTURE_LOG":
            argument = "shop"
        if name == "SYNC_GROUP":
            argument = GROUP
        with self.something_wrong(name):
            outcome = self.outcome(name, argument)
        self.note(name, outcome)
        if outcome == "dead" and self.patience.random() < 0.75:
            # Or the next calls would do nothing but wait for the dead one's leases.
            self.expire_leases()

    def outcome(self, name: str, argument: str) -> str:
        """Returns "ok", or the code of the error."""
        try:
            self.query(f"CALL {name}(%s)", argument)
        except snowflake.connector.errors.Error as error:
            text = str(error)
            code = text[text.find("[") + 1 : text.find("]")] if "[" in text else "dead"
            if self.on_gap == "resync" and code in HEALED and name != "RESYNC_SOURCE":
                self.unhealed.append(f"{name} does not heal {code}")
            return code
        return "ok"

    def note(self, what: str, outcome: str) -> None:
        key = f"{what} {outcome}"
        self.counts[key] = self.counts.get(key, 0) + 1

    @contextlib.contextmanager
    def something_wrong(self, procedure: str) -> Iterator[None]:
        """Lets one side die in the middle of a call, or not."""
        side = self.random.choice(["", "", "snowflake", "gateway", "s3", "session"])
        number = self.random.randrange(1, 22)
        if side == "snowflake":
            action = self.random.choice(["error", "kill_procedure", "kill_procedure"])
            when = self.random.choice(["before", "after"])
            rule = {"match": "", "action": action, "when": when, "nth": number}
            self.faults.snowflake({**rule, "procedure": procedure})
        elif side == "gateway":
            if self.random.random() < 0.6:
                self.faults.gateway(kill_worker=[self.random.choice(_WORKER_DIES)])
            else:
                rules = ["drop_events", "duplicate_events", "lose_replies"]
                self.faults.gateway(**{self.random.choice(rules): 1})
        elif side == "s3":
            self.faults.storage(fail_puts=number % 4, fail_after=number % 2, status=500)
        if side == "session":
            with cut_connections(self.server.connect(self.database_name)):
                yield
            return
        try:
            yield
        finally:
            self.faults.clear()

    # --- the server -------------------------------------------------------------------

    def crash(self, *, replaced: bool) -> None:
        """Kills the server; it comes back, or a standby that has no slot does."""
        server = self.server
        server.crash()
        folder = server.data.parent
        if replaced:
            for slot in (server.data / "pg_replslot").iterdir():
                shutil.rmtree(slot)
            (server.data / "standby.signal").touch()
            owner = server.data.stat()
            shutil.chown(server.data / "standby.signal", owner.st_uid, owner.st_gid)
        again = start_aurora(folder, port=server.port, programs=server.bin_path)
        # Who stops the first one stops this one.
        server.process = again.process
        if replaced:
            with server.connect() as owner_session:
                owner_session.cursor().execute("SELECT pg_promote()")
        self.reconnect()
        self.note("server", "replaced" if replaced else "crashed")

    def steal(self) -> None:
        """Somebody else reads the slot."""
        with contextlib.suppress(Exception):
            self.sql(
                f"SELECT pg_replication_slot_advance('{self.log.slot}',"
                " pg_current_wal_flush_lsn())"
            )
            self.note("slot", "stolen")

    def expire_leases(self) -> None:
        self.query(
            "UPDATE control.sync_leases SET expires_at ="
            " DATEADD('hour', -1, CURRENT_TIMESTAMP()) WHERE run_id IS NOT NULL"
        )

    # --- the whole --------------------------------------------------------------------

    def run(self, steps: int) -> str:
        """Returns what is wrong in the end; empty: nothing."""
        self.configure()
        for _ in range(steps):
            for _ in range(self.random.randrange(6)):
                self.change()
            chance = self.random.random()
            if self.crashes and chance < 0.06:
                self.crash(replaced=chance < 0.02)
            elif chance < 0.08:
                self.steal()
            elif chance < 0.12:
                self.note("RESYNC_SOURCE", self.outcome("RESYNC_SOURCE", "shop"))
            elif chance < 0.3:
                self.expire_leases()
            else:
                self.call()
                self.broken += self.histories.look()
        self.faults.clear()
        self.settle_source()
        self.expire_leases()
        wrong = [self.end_of(table) for table in self.tables]
        self.broken += self.histories.look()
        self.counts["versions"] = self.histories.versions
        return "; ".join(filter(None, (*self.unhealed, *self.broken, *wrong)))

    def end_of(self, table: str) -> str:
        """Syncs a table for certain; returns what differs, or why it does not sync."""
        outcome = ""
        for attempt in range(_ATTEMPTS):
            outcome = self.outcome("SYNC_TABLE", table)
            if outcome == "ok":
                return self.difference(table)
            if outcome == "worker_lost":
                time.sleep(attempt)
            if outcome in BROKEN:
                self.note("RESYNC_SOURCE", self.outcome("RESYNC_SOURCE", "shop"))
        return f"{table} does not sync: {outcome}"

    def difference(self, table: str) -> str:
        source = self._keyed(table, self.sql(f"SELECT * FROM {table}"))
        names = "id, day, n" if table == self.days else "id, n"
        current = " WHERE _SYNC_IS_CURRENT" if table in self.kept else ""
        target = self._keyed(
            table, self.query(f"SELECT {names} FROM {self.target_of(table)}{current}")
        )
        wrong = [
            key
            for key in source.keys() | target.keys()
            if source.get(key) != target.get(key)
        ]
        return f"{table}: {len(wrong)} rows differ" if wrong else ""

    def _keyed(self, table: str, rows: list[Any]) -> dict[Any, Any]:
        keys = 2 if table == self.days else 1
        found = {tuple(map(Decimal, row[:keys])): row[keys] for row in rows}
        if len(found) != len(rows):
            raise AssertionError(f"{table}: a key is there twice")
        return found

    def end(self) -> None:
        self.faults.clear()
        self.expire_leases()
        with contextlib.suppress(snowflake.connector.errors.Error):
            self.query("CALL STOP_LOG('shop')")
        self.target.close()
        super().end()


def run_schedule(
    stack: Stack, seed: int, *, steps: int, crashes: bool, plain_only: bool = False
) -> tuple[str, dict[str, int]]:
    """Runs one schedule; returns what is wrong in the end, and what it did."""
    schedule = ProcedureSchedule(stack, seed, crashes=crashes, plain_only=plain_only)
    try:
        return schedule.run(steps), schedule.counts
    finally:
        schedule.end()
