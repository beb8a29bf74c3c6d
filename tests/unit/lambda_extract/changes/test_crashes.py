"""The crash matrix of a capture: whatever dies, the next one tells the same again."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.changes import capture as changes_capture
from lambda_extract.changes import pgoutput, reread, slots
from lambda_extract.changes.published import Difference
from lambda_extract.errors import ExtractError
from lambda_extract.landing.stores import FolderStore
from local.aurora import create_reader, start_aurora
from tests.unit.lambda_extract.changes.conftest import LOGGER, Log

KEYED = "(id bigint PRIMARY KEY, note text)"
# Commits wait for nobody, and nobody flushes for them.
LAZY = {
    "synchronous_commit": "off",
    "wal_writer_delay": "10s",
    "wal_writer_flush_after": "1GB",
    "bgwriter_delay": "10s",
    "autovacuum": "off",
}


class Died(BaseException):
    """The worker is gone."""


def told(reply: contract.CaptureReply) -> list[tuple[str, int, bool]]:
    return [(t.name, t.keys, t.truncated) for t in reply.tables]


def dies_at(place: str) -> Callable[[Log, pytest.MonkeyPatch], None]:
    """Returns what makes a worker die at a call of a function of the capture."""

    def arrange(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        def die(*_: Any, **__: Any) -> None:
            raise Died

        module, name = place.split(".")
        target = slots if module == "slots" else changes_capture
        monkeypatch.setattr(target, name, die)

    return arrange


def dies_after_one_advance(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def confirm(database: Any, spec: Any, slot: Any, position: int) -> None:
        database.rows_committed(
            sql.SQL("SELECT pg_replication_slot_advance({}, {}::pg_lsn)").format(
                sql.Literal(spec.slot), sql.Literal(slots.lsn_text(position))
            )
        )
        raise Died

    monkeypatch.setattr(slots, "confirm", confirm)


def session_ends_in_the_peek(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    take = changes_capture._Harvest.take

    def end(self: Any, message: bytes) -> None:
        take(self, message)
        log.sql(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
            f" WHERE slot_name = '{log.spec.slot}' AND active_pid IS NOT NULL"
        )
        raise Died

    monkeypatch.setattr(changes_capture._Harvest, "take", end)


def landing_is_full(after: int) -> Callable[[Log, pytest.MonkeyPatch], None]:
    """Returns what lets a worker die behind so many files."""

    def arrange(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        write = FolderStore.open
        left = [after]

        def open_(self: FolderStore, path: str) -> Any:
            if not left[0]:
                raise Died
            left[0] -= 1
            return write(self, path)

        monkeypatch.setattr(FolderStore, "open", open_)

    return arrange


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(dies_at("slots.confirm"), id="before the advance"),
        pytest.param(dies_after_one_advance, id="between the two advances"),
        pytest.param(dies_at("slots.peek"), id="before the peek"),
        pytest.param(session_ends_in_the_peek, id="during the peek"),
        pytest.param(dies_at("slots.wait_until_visible"), id="after the peek"),
        pytest.param(landing_is_full(0), id="before the files"),
        pytest.param(landing_is_full(1), id="between the files"),
        pytest.param(dies_at("changes_capture.CaptureReply"), id="after the files"),
    ],
)
def test_a_capture_that_dies_is_made_up_for(
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Callable[[Log, pytest.MonkeyPatch], None],
) -> None:
    first, second = log.table(KEYED), log.table(KEYED)
    names = [first.spec.name, second.spec.name]
    log.capture()
    for name in names:
        log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    # This one is recorded, and not confirmed yet.
    assert told(log.capture()) == [(name, 1, False) for name in names]
    for name in names:
        log.sql(f"INSERT INTO {name} VALUES (2, 'b'), (3, 'c')")
    with monkeypatch.context() as patched:
        arrange(log, patched)
        with pytest.raises((Died, ExtractError)):
            log.ask()
    again = log.capture()
    assert told(again) == [(name, 2, False) for name in names]
    assert told(log.capture()) == []


def test_a_reply_that_is_lost_and_a_late_one(log: Log) -> None:
    table = log.table(KEYED)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1, 'a')")
    late = log.request()
    lost = log.ask()
    assert told(log.capture()) == told(lost)
    log.sql(f"INSERT INTO {table.spec.name} VALUES (2, 'b')")
    log.capture()
    # What the second capture has recorded is confirmed by now.
    with log.database() as database, pytest.raises(ExtractError) as caught:
        changes_capture.capture(
            database, late, FolderStore(log.folder), source=log.source
        )
    assert caught.value.code == "slot_moved"


def test_two_captures_at_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read the same range: the ledger takes one (snowpark/captures)."""
    table = log.table(KEYED)
    log.capture()
    log.sql(f"INSERT INTO {table.spec.name} VALUES (1, 'a')")
    take = changes_capture._Harvest.take
    others: list[contract.CaptureReply] = []

    def meanwhile(self: Any, message: bytes) -> None:
        take(self, message)
        with monkeypatch.context() as patched:
            patched.setattr(changes_capture._Harvest, "take", take)
            others.append(log.ask())

    with monkeypatch.context() as patched:
        patched.setattr(changes_capture._Harvest, "take", meanwhile)
        found = log.capture()
    assert told(found) == told(others[0]) == [(table.spec.name, 1, False)]
    assert found.from_lsn == others[0].from_lsn


def test_a_peek_that_takes_too_long_is_too_large(log: Log) -> None:
    table = log.table(KEYED)
    log.capture()
    log.sql(
        f"INSERT INTO {table.spec.name} SELECT i, 'x' FROM generate_series(1, 50000) i"
    )
    with log.database() as database:
        database.rows(sql.SQL("SELECT 1"))
        database._deadline -= 29.97
        with pytest.raises(ExtractError) as caught:
            slots.peek(database, log.spec, 1 << 62, lambda _: None)
    assert caught.value.code in ("capture_too_large", "window_too_large")
    assert told(log.capture()) == [(table.spec.name, 50_000, False)]


@pytest.mark.large
def test_a_slot_whose_wal_was_removed(log: Log) -> None:
    log.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    log.sql("SELECT pg_reload_conf()")
    try:
        for _ in range(4):
            log.sql("SELECT pg_switch_wal()")
            log.sql("CREATE TABLE IF NOT EXISTS noise (filler text)")
            log.sql("INSERT INTO noise VALUES ('x')")
        log.sql("CHECKPOINT")
        with pytest.raises(ExtractError) as caught:
            log.ask()
    finally:
        log.sql("ALTER SYSTEM RESET max_slot_wal_keep_size")
        log.sql("SELECT pg_reload_conf()")
    assert caught.value.code == "slot_lost"


# --- the server itself ----------------------------------------------------------------


@pytest.fixture
def lazy(tmp_path: Path) -> Iterator[Log]:
    """A log of a server that is killed, and forgets what nobody waited for."""
    server = start_aurora(tmp_path / "lazy", settings=LAZY)
    try:
        server.create_database("shop")
        create_reader(server.dsn("shop"))
        owner = server.connect("shop")
        owner.cursor().execute(f"CREATE ROLE {LOGGER} LOGIN REPLICATION")
        name = "aurora_sync_lazy"
        spec = contract.LogSpec(name, name)
        log = Log(server, owner, tmp_path / "landing", spec)
        log.sql(f"CREATE PUBLICATION {name} WITH (publish_via_partition_root = true)")
        log.capture(create=True)
        yield log
        log.owner.close()
    finally:
        server.stop()


def crash(log: Log) -> None:
    server = log.server
    server.crash()
    again = start_aurora(server.data.parent, settings=LAZY, port=server.port)
    server.process = again.process
    with contextlib.suppress(psycopg2.Error):
        log.owner.close()
    log.owner = server.connect("shop")


@pytest.mark.large
def test_a_slot_falls_back_with_its_server(lazy: Log) -> None:
    """What was confirmed since the slot was saved comes again: it is recorded."""
    table = lazy.table(KEYED)
    lazy.capture()
    for number in range(3):
        lazy.sql(f"INSERT INTO {table.spec.name} VALUES ({number}, 'a')")
        lazy.capture()
    lazy.sql(f"INSERT INTO {table.spec.name} VALUES (9, 'z')")
    # What is committed is on the disk: the next capture would have waited for it.
    lazy.ask()
    crash(lazy)
    assert told(lazy.capture()) == [(table.spec.name, 1, False)]
    assert told(lazy.capture()) == []


@pytest.mark.large
@pytest.mark.parametrize("durable", [True, False])
def test_p8_what_was_delivered_survives_a_crash(
    lazy: Log, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """P8: without the wait the target keeps a row that never was."""
    if not durable:
        monkeypatch.setattr(reread, "make_durable", lambda _: ())
    table = lazy.table(KEYED)
    name = table.spec.name
    lazy.sql(f"SET synchronous_commit = on; INSERT INTO {name} VALUES (1, 'a')")
    lazy.sql("SET synchronous_commit = off")
    known = lazy.identity(table)
    lazy.capture()
    lazy.sql(f"SET synchronous_commit = on; UPDATE {name} SET note = 'b'")
    reply = lazy.capture()
    # Between the capture and its rows: visible, and not on the disk.
    lazy.sql(f"SET synchronous_commit = off; UPDATE {name} SET note = 'never'")
    rows = table.rows(lazy.rows(table, known, reply))
    assert rows == [["1", "never", "f"]]
    crash(lazy)
    ((note,),) = lazy.sql(f"SELECT note FROM {name}")
    assert (note == "never") is durable


def test_p5_without_the_wait_a_row_is_lost(log: Log) -> None:
    """P5: the log has nothing of what was written before the table was published."""
    table = log.table(KEYED, publish=False)
    name = table.spec.name
    log.capture()
    with log.server.connect("shop") as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO {name} VALUES (2)")
        log.sql(f"ALTER PUBLICATION {log.spec.publication} ADD TABLE {name}")
        cursor.execute(f"INSERT INTO {name} VALUES (3)")
        # A snapshot that did not wait sees neither.
        assert log.sql(f"SELECT id FROM {name}") == []
        cursor.execute("COMMIT")
    (changed,) = log.capture().tables
    assert changed.keys == 1, "row 2 is in no log"


def test_p4_without_the_old_key_a_row_stays(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgoutput, "_both", lambda old, new: (new,))
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    known = log.identity(table)
    log.capture()
    log.sql(f"UPDATE {name} SET id = 2")
    rows = table.rows(log.rows(table, known, log.capture()))
    assert rows == [["2", "a", "f"]], "key 1 is not told to be gone"


def test_p7_without_the_identity_nothing_is_told(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reread, "difference", lambda *_, **__: Difference())
    table = log.table(KEYED)
    name = table.spec.name
    log.sql(f"INSERT INTO {name} VALUES (1, 'a')")
    known = log.identity(table)
    log.capture()
    publication = log.spec.publication
    log.sql(f"ALTER PUBLICATION {publication} DROP TABLE {name}")
    log.sql(f"UPDATE {name} SET note = 'unseen'")
    log.sql(f"ALTER PUBLICATION {publication} ADD TABLE {name}")
    found = log.rows(table, known, log.capture())
    assert found.rows == 0 and found.log is not None and not found.log.moved
    assert replace(known, published="") != replace(found.log.identity, published="x")
