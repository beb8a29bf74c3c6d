"""Rows are read from a replica, and nothing is missed: the proof is the writer's."""

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.errors import SourceError
from lambda_extract.operations import extract as extract_operation
from lambda_extract.operations.check import check
from lambda_extract.source.catalog import read_table
from lambda_extract.source.database import Database
from lambda_extract.source.replica import ReaderBehind, follow
from lambda_extract.source.snapshot import snapshot
from local.aurora import Aurora, running_aurora
from local.standby import running_standby
from tests.replicas import ROLE, Pair, make_table, on_server, prepare

pytestmark = pytest.mark.large

# data/log/statements.json; what is written there is said by log_statement of a role.
LOG = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_filename": "statements",
}


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aurora]:
    folder = tmp_path_factory.mktemp("writer")
    with running_aurora(folder, settings=LOG) as server:
        prepare(server)
        yield server


@pytest.fixture(scope="module")
def reader(
    writer: Aurora, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aurora]:
    with running_standby(writer, tmp_path_factory.mktemp("reader")) as server:
        yield server


@pytest.fixture
def application(writer: Aurora) -> Iterator[psycopg2.extensions.connection]:
    with contextlib.closing(writer.connect("shop")) as connection:
        yield connection


@pytest.fixture
def pair(
    request: pytest.FixtureRequest,
    writer: Aurora,
    reader: Aurora,
    application: psycopg2.extensions.connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pair]:
    monkeypatch.setenv("SOURCE_SHOP_USER", "aurora_sync")
    table = request.node.name[:50].lower()
    make_table(application, table)
    made = Pair(writer, reader, tmp_path, table)
    made.catch_up()
    yield made
    with contextlib.suppress(Exception):
        made.resume()


def insert(connection: psycopg2.extensions.connection, pair: Pair, *keys: int) -> None:
    for key in keys:
        connection.cursor().execute(f"INSERT INTO {pair.table} VALUES ({key})")


@contextlib.contextmanager
def transaction(pair: Pair, *keys: int) -> Iterator[psycopg2.extensions.connection]:
    """A transaction of another session that has written rows and is still open."""
    with contextlib.closing(pair.writer.connect("shop")) as connection:
        connection.autocommit = False
        insert(connection, pair, *keys)
        yield connection


def test_rows_come_from_the_reader_and_the_proof_from_the_writer(
    pair: Pair, application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(application, pair, 1, 2)
    sent: list[str] = []
    counted = Database._send

    def send(self: Database, cursor: Any, statement: Any) -> None:
        if self.writer is self:
            sent.append(statement.as_string(cursor)[:3000])
        counted(self, cursor, statement)

    monkeypatch.setattr(Database, "_send", send)
    with transaction(pair, 3) as late:
        insert(application, pair, 4)
        reply = pair.extract()
        assert pair.delivered == {1, 2, 4}
        late.commit()
    assert reply.bound is not None and reply.bound.held_back
    # The proof and which server it is; the position goes by rows_committed.
    assert len(sent) == 2
    assert "pg_stat_activity" in sent[0] and "pg_control_system" in sent[1]
    pair.extract()
    assert pair.delivered == {1, 2, 3, 4}


@contextlib.contextmanager
def logged(pair: Pair) -> Iterator[list[str]]:
    """Statements of the product that arrive at the writer, as its own log has them.

    Without the COMMIT of the transaction before, which travels with them; and numbers
    that differ from one to the next (seconds that are left) are made one.
    """
    found: list[str] = []
    on_server(pair.writer, f"ALTER ROLE {ROLE} SET log_statement = 'all'")
    log = pair.writer.data / "log" / "statements.json"
    begun = log.stat().st_size
    yield found
    marked, end = f"marker {time.monotonic()}", time.monotonic() + 20
    with contextlib.closing(pair.writer.connect("shop", user=ROLE)) as connection:
        connection.cursor().execute(f"SELECT '{marked}'")
    lines: list[dict[str, Any]] = []
    while not any(marked in line["message"] for line in lines):
        assert time.monotonic() < end, "the log does not come"
        with log.open("rb") as file:
            file.seek(begun)
            # The last line may be half of one.
            whole = file.read().rpartition(b"\n")[0].splitlines()
        lines = [json.loads(line) for line in whole]
    on_server(pair.writer, f"ALTER ROLE {ROLE} RESET log_statement")
    texts = [
        line["message"].removeprefix("statement: ")
        for line in lines
        if line.get("user") == ROLE and line["message"].startswith("statement: ")
    ]
    found += [
        re.sub(r"\d+", "0", " ".join(text.split()).removeprefix("COMMIT; "))
        for text in texts[:-1]
    ]


def test_the_writer_is_asked_for_the_proof_alone(pair: Pair, application: Any) -> None:
    """By its own log: nothing that an extraction without a reader does not send, too.

    And nothing grows with the rows.
    """
    table = re.sub(r"\d+", "0", pair.table)
    texts: dict[str, list[str]] = {}
    keys = iter(range(1, 1_000))
    for case, rows in (("few", 1), ("many", 200), ("writer", 200)):
        insert(application, pair, *(next(keys) for _ in range(rows)))
        pair.catch_up()
        with logged(pair) as texts[case]:
            # What the bound holds back is read again.
            assert pair.extract(use_reader=case != "writer").rows >= rows
    assert texts["few"] == texts["many"]
    assert set(texts["few"]) <= set(texts["writer"])
    asked = [text for text in texts["few"] if not text.startswith(("SET ", "COMMIT"))]
    assert not [text for text in asked if f'"{table}"' in text or "COPY" in text]
    assert len([text for text in asked if "pg_stat_activity" in text]) == 1
    assert len([text for text in asked if "pg_control_system" in text]) == 1
    # The positions to wait for: when it connects, and after the proof.
    assert len([text for text in asked if "pg_logical_emit_message" in text]) == 2
    assert len(asked) == 4, asked
    copied = [text for text in texts["writer"] if "COPY" in text]
    assert len(copied) == 1 and f'"{table}"' in copied[0]


def test_a_reader_that_is_behind_is_waited_for(pair: Pair, application: Any) -> None:
    pair.pause()
    insert(application, pair, 1)
    timer = threading.Timer(0.5, pair.resume)
    timer.start()
    pair.extract()
    timer.join()
    assert pair.delivered == {1}


def test_a_reader_that_stays_behind_is_not_read(pair: Pair, application: Any) -> None:
    pair.wait_seconds = 0.3
    pair.pause()
    insert(application, pair, 1)
    with pytest.raises(ReaderBehind) as caught:
        pair.extract()
    assert caught.value.code == "reader_behind"
    assert pair.delivered == set()


def test_an_idle_writer_does_not_keep_anybody_waiting(pair: Pair) -> None:
    pair.wait_seconds = 5.0
    for _ in range(3):
        assert pair.extract().rows == 0


def committed_before_the_proof(
    pair: Pair, application: Any, monkeypatch: pytest.MonkeyPatch, *, swapped: bool
) -> None:
    """A transaction ends between the position and the proof, or before both.

    A later row is visible already. Replay stands still, and goes on a little later.
    """
    read_proof, real_follow = extract_operation.read_proof, follow
    readers: list[Database] = []

    with transaction(pair, 7) as late:
        insert(application, pair, 8)
        pair.catch_up()

        def proof(writer: Database, *rest: Any) -> Any:
            if swapped:
                real_follow(readers[0])
            pair.pause()
            late.commit()
            found = read_proof(writer, *rest)
            threading.Timer(0.5, pair.resume).start()
            return found

        def table_of(database: Database, spec: Any, **how: bool) -> Any:
            readers.append(database)
            return read_table(database, spec, **how)

        monkeypatch.setattr(extract_operation, "read_table", table_of)
        monkeypatch.setattr(extract_operation, "read_proof", proof)
        if swapped:
            monkeypatch.setattr(extract_operation, "follow", lambda database: None)
        pair.extract()
        monkeypatch.undo()
        monkeypatch.setenv("SOURCE_SHOP_USER", "aurora_sync")


def test_what_ended_before_the_proof_is_read(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, application: Any
) -> None:
    insert(application, pair, 1)
    pair.extract()
    committed_before_the_proof(pair, application, monkeypatch, swapped=False)
    assert pair.delivered == {1, 7, 8}


def test_with_the_order_swapped_a_row_is_lost(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, application: Any
) -> None:
    """Why the position is taken after the proof."""
    insert(application, pair, 1)
    pair.extract()
    committed_before_the_proof(pair, application, monkeypatch, swapped=True)
    pair.resume()
    pair.catch_up()
    pair.extract()
    # 8 has moved the watermark: 7 is behind it for ever.
    assert pair.delivered == {1, 8}


def test_a_snapshot_in_conflict_with_the_log_asks_for_a_smaller_window(
    pair: Pair, application: Any
) -> None:
    insert(application, pair, *range(200))

    def clean() -> None:
        application.cursor().execute(f"DELETE FROM {pair.table}")
        # Without the end of the table: the lock for that would wait for the reader.
        application.cursor().execute(f"VACUUM (TRUNCATE FALSE) {pair.table}")
        pair.catch_up()

    with pytest.raises(SourceError) as caught, pair.opened() as database:
        table = read_table(database, pair.spec)
        with snapshot(database, table):
            cleaning = threading.Timer(0.3, clean)
            cleaning.start()
            slow = sql.SQL("SELECT pg_catalog.pg_sleep(20) FROM {} LIMIT 1")
            database.row(slow.format(table.name))
    assert caught.value.code == "window_too_large"
    assert "recovery" in caught.value.message


def test_a_reader_that_cannot_be_reached_is_not_read(pair: Pair) -> None:
    closed = Aurora(1, pair.reader.bin_path, pair.reader.data, "", pair.reader.process)
    lonely = Pair(pair.writer, closed, pair.folder, pair.table)
    with pytest.raises(ReaderBehind) as caught, lonely.opened():
        pass
    assert "cannot be reached" in caught.value.message


def test_a_server_of_its_own_is_no_reader(pair: Pair, application: Any) -> None:
    insert(application, pair, 1)
    own = Pair(pair.writer, pair.writer, pair.folder, pair.table)
    with pytest.raises(ReaderBehind) as caught:
        own.extract()
    assert "follows nobody" in caught.value.message


def test_a_promotion_in_the_middle_delivers_nothing(
    pair: Pair, application: Any, tmp_path: Path
) -> None:
    insert(application, pair, 1)
    with running_standby(pair.writer, tmp_path / "promoted") as standby:
        promoted = Pair(pair.writer, standby, pair.folder, pair.table)
        promoted.catch_up()
        with pytest.raises(SourceError) as caught, promoted.opened() as database:
            follow(database)
            on_server(standby, "SELECT pg_promote()")
        assert caught.value.code == "source_error" and caught.value.retryable
        with pytest.raises(ReaderBehind):
            promoted.extract()


def test_a_check_says_that_the_reader_follows(pair: Pair) -> None:
    request = contract.CheckRequest("r1", "shop", (contract.CheckTable(pair.spec),))
    reply = check(request, settings=pair.settings, deadline=time.monotonic() + 30)
    (found,) = (f for f in reply.findings if f.check == "reader")
    assert (found.state, found.hint) == ("ok", "")
