"""One worker of a group: one connection for all of its tables, each as if alone."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.contract_group import columns_digest
from lambda_extract.credentials import secrets
from lambda_extract.errors import JobError, LandingError, SourceError
from lambda_extract.operations import group
from lambda_extract.operations.group import OneSession, Worker
from lambda_extract.protocol.jobs import Jobs, job_key
from lambda_extract.protocol.queue import Hand, Queue
from lambda_extract.settings import Settings
from tests.unit.lambda_extract.conftest import HASH_KEY, READER, MakeTable, Reader
from tests.unit.lambda_extract.operations.test_one_deadline import settings_of
from tests.unit.lambda_extract.protocol.test_jobs import s3

__all__ = ["s3"]

JOB = job_key("batch 1")
DECLARED = "id int PRIMARY KEY, updated_at timestamptz NOT NULL"
ROWS = "INSERT INTO {table} SELECT i, now() - interval '1 hour' FROM {series} AS i"


def rows(count: int) -> str:
    return ROWS.replace("{series}", f"generate_series(1, {count})")


def part_of(reader: Reader, **changes: Any) -> contract.GroupPart:
    part = contract.GroupPart(
        reader.spec,
        f"{reader.spec.relation}-w1",
        cursor=contract.CursorSpec("updated_at"),
        window=contract.Window(),
    )
    return dataclasses.replace(part, **changes)


class Lab:
    """A job and its only worker; what it hands over is counted."""

    def __init__(self, settings: Settings, s3: Any) -> None:
        self.settings = settings
        self.s3 = s3
        self.jobs = Jobs(s3=s3, settings=settings)
        self.handed_over = 0
        self.connections = 0

    def claimed(self, *parts: contract.GroupPart) -> Queue:
        self.jobs.claim(JOB, 0, contract.GroupRequest("r1", parts, 1))
        claim = self.jobs.read_claim(JOB)
        assert claim is not None
        return self.jobs.queue(JOB, claim)

    def hand_over(self) -> None:
        self.handed_over += 1

    def work(self, queue: Queue, generation: int = 0) -> None:
        Worker(queue, 0, generation, self.settings, self.s3, "0a", self.hand_over).run()

    def run(self, *parts: contract.GroupPart) -> contract.GroupReply:
        queue = self.claimed(*parts)
        self.work(queue)
        found = queue.settled()
        assert found is not None
        return found


@pytest.fixture
def make_lab(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("SOURCE_SHOP_USER", READER)
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "none is asked for")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", HASH_KEY)
    connect = group.connect
    made: list[Lab] = []

    def counted(*arguments: Any, **options: Any) -> Any:
        made[0].connections += 1
        return connect(*arguments, **options)

    monkeypatch.setattr(group, "connect", counted)

    def make(reader: Reader, budget_seconds: float = 60) -> Lab:
        settings = settings_of(reader, budget_seconds)
        secrets.forget(settings.source("shop"))
        made.append(Lab(settings, s3))
        return made[0]

    yield make
    if made:
        secrets.forget(made[0].settings.source("shop"))


def test_all_tables_are_read_over_one_connection(
    make_table: MakeTable, make_lab: Any, s3: Any
) -> None:
    tables = [make_table(DECLARED, rows(n)) for n in (3, 0, 5)]
    lab = make_lab(tables[0])
    reply = lab.run(*(part_of(t) for t in tables))
    assert lab.connections == 1 and lab.handed_over == 0
    found = [part.reply.rows for part in reply.parts if part.reply]
    assert found == [3, 0, 5]
    assert reply.parts[0].reply is not None and reply.parts[0].reply.files
    for file in reply.parts[0].reply.files:
        s3.head_object(Bucket="landing", Key=file.path)


def test_a_bad_table_fails_alone(make_table: MakeTable, make_lab: Any) -> None:
    good, broken, denied, last = (make_table(DECLARED, rows(2)) for _ in range(4))
    gone = dataclasses.replace(broken.spec, relation="there_is_none")
    reader = dataclasses.replace(good.spec, relation="pg_authid", schema="pg_catalog")
    lab = make_lab(good)
    reply = lab.run(
        part_of(good),
        part_of(broken, table=gone),
        part_of(denied, table=reader),
        part_of(last, cursor=contract.CursorSpec("no_such_column"), part="w2"),
        part_of(last),
    )
    codes = [part.error.code if part.error else "" for part in reply.parts]
    assert codes[0] == codes[4] == "" and codes[1] == "table_not_found"
    assert all(codes[1:4]) and codes[3] == "cursor_not_found"
    assert lab.connections == 1
    assert reply.parts[4].reply is not None and reply.parts[4].reply.rows == 2


def test_the_allow_list_holds_for_each_table(
    make_table: MakeTable, make_lab: Any
) -> None:
    good, other = make_table(DECLARED), make_table(DECLARED)
    lab = make_lab(good)
    source = dataclasses.replace(
        lab.settings.source("shop"), tables=(f"public.{good.spec.relation}",)
    )
    lab.settings = dataclasses.replace(lab.settings, sources={"shop": source})
    reply = lab.run(part_of(good), part_of(other))
    assert reply.parts[0].reply is not None
    assert reply.parts[1].error is not None
    assert reply.parts[1].error.code == "table_not_allowed"


def test_what_a_table_leaves_in_the_session_is_gone_for_the_next(
    make_table: MakeTable, make_lab: Any
) -> None:
    reader = make_table(DECLARED)
    lab = make_lab(reader)
    session = OneSession(lab.settings, "r1")
    part = part_of(reader)
    deadline = group.time.monotonic() + 30
    database = session.of(part, deadline)
    raw = database._connection.cursor()
    raw.execute("SET search_path = evil; SET datestyle = 'German'")
    raw.execute("SELECT pg_advisory_lock(7); CREATE TEMP TABLE left_over (id int)")
    raw.execute("SELECT pg_backend_pid()")
    pid = raw.fetchone()
    raw.execute("BEGIN; SELECT 1")
    again = session.of(part, deadline)
    assert again is database
    show = """
        SELECT pg_catalog.current_setting('search_path') ||
            pg_catalog.current_setting('datestyle') ||
            pg_catalog.current_setting('application_name'),
            pg_catalog.to_regclass('pg_temp.left_over'),
            (SELECT COUNT(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory'),
            pg_catalog.pg_backend_pid()
        """
    raw.execute(show)
    text, left, locks, now_pid = raw.fetchone()
    assert text == "pg_catalogISO, MDYaurora_sync:orders:r1"
    assert (left, locks, (now_pid,)) == (None, 0, pid)
    session.close()


def test_a_connection_that_broke_is_replaced(
    make_table: MakeTable, make_lab: Any, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(DECLARED, rows(2))
    lab = make_lab(reader)
    session = OneSession(lab.settings, "r1")
    deadline = group.time.monotonic() + 30
    first = session.of(part_of(reader), deadline)
    (pid,) = first.row(sql.SQL("SELECT pg_catalog.pg_backend_pid()"))
    with owner.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
    second = session.of(part_of(reader), deadline)
    assert second is not first and lab.connections == 2
    assert second.row(sql.SQL("SELECT 1")) == (1,)
    session.close()


def test_only_a_session_that_hashes_has_the_key(
    make_table: MakeTable, make_lab: Any
) -> None:
    plain = make_table(DECLARED, rows(1))
    hashed = make_table(DECLARED + ", name text DEFAULT 'n'", rows_of_two())
    column = contract.ColumnSpec("name", protect="hash")
    spec = dataclasses.replace(hashed.spec, columns=(column,))
    lab = make_lab(plain)
    reply = lab.run(
        part_of(plain), part_of(hashed, table=spec), part_of(plain, part="w2")
    )
    assert lab.connections == 3
    assert [part.error for part in reply.parts] == [None] * 3


def rows_of_two() -> str:
    return (
        "INSERT INTO {table} (id, updated_at)"
        " VALUES (1, now() - interval '1 hour'), (2, now() - interval '1 hour')"
    )


def test_a_value_that_needs_care_is_read_again_on_a_new_connection(
    make_table: MakeTable, make_lab: Any
) -> None:
    script = "INSERT INTO {table} VALUES (1, now() - interval '1 hour', '200000-01-01')"
    special = make_table(DECLARED + ", day date", script)
    plain = make_table(DECLARED, rows(2))
    lab = make_lab(special)
    reply = lab.run(part_of(special), part_of(plain))
    first = reply.parts[0].reply
    assert first is not None and first.rows == 1
    assert [value.column for value in first.altered] == ["day"]
    assert reply.parts[1].reply is not None and reply.parts[1].reply.rows == 2


def test_columns_that_are_known_stay_out_of_the_reply(
    make_table: MakeTable, make_lab: Any
) -> None:
    reader = make_table(DECLARED)
    full = reader.sync("updated_at")
    digest = columns_digest(
        full.columns,
        full.key,
        full.relation_id,
        target="t",
        rules=("evolve", "fail", False),
        described=full.described,
    )
    known = contract.KnownColumns(digest, "t", "evolve", "fail", False)
    other = dataclasses.replace(known, sha256="0" * 64)
    filled = make_table(DECLARED, rows(1))
    lab = make_lab(reader)
    reply = lab.run(
        part_of(reader, known=known),
        part_of(reader, known=other, part="w2"),
        part_of(filled, known=known, part="w3"),
    )
    short, whole, loaded = reply.parts
    assert short.columns_known and short.reply is not None
    assert short.reply.columns == () and short.reply.key == ()
    for part in (whole, loaded):
        assert not part.columns_known and part.reply and part.reply.columns


def test_a_worker_hands_over_before_its_time_runs_out(
    make_table: MakeTable, make_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table(DECLARED, rows(1))
    lab = make_lab(reader, budget_seconds=20)
    extract = group.extract

    def slow(*arguments: Any, **options: Any) -> Any:
        lab.clock += 11
        return extract(*arguments, **options)

    lab.clock = 0.0
    monotonic = group.time.monotonic
    monkeypatch.setattr(group, "extract", slow)
    monkeypatch.setattr(group.time, "monotonic", lambda: monotonic() + lab.clock)
    parts = [part_of(reader, part=f"w{i}") for i in range(3)]
    queue = lab.claimed(*parts)
    for generation in range(3):
        assert queue.settled() is None
        lab.work(queue, generation)
        assert len(queue.taken()) == generation + 1
    assert lab.handed_over == 2  # Nothing is left behind the third part.
    reply = queue.settled()
    assert reply is not None and len(reply.parts) == 3 and reply.left == ()


def test_a_worker_that_is_late_with_the_last_part_has_ended(
    make_table: MakeTable, make_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who said that it hands over would be waited for, and nobody comes."""
    reader = make_table(DECLARED, rows(1))
    lab = make_lab(reader, budget_seconds=20)
    lab.clock = 0.0
    extract, monotonic = group.extract, group.time.monotonic

    def slow(*arguments: Any, **options: Any) -> Any:
        lab.clock += 11
        return extract(*arguments, **options)

    monkeypatch.setattr(group, "extract", slow)
    monkeypatch.setattr(group.time, "monotonic", lambda: monotonic() + lab.clock)
    queue = lab.claimed(part_of(reader))
    lab.work(queue)
    beat = queue._beats()[0]
    assert (beat.state, beat.error, lab.handed_over) == ("ended", None, 0)


def test_a_next_generation_that_cannot_be_started_ends_the_worker(
    make_table: MakeTable, make_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = make_table(DECLARED)
    lab = make_lab(reader)
    queue = lab.claimed(part_of(reader), part_of(reader, part="w2"))

    def refused() -> None:
        raise JobError("worker_start_failed", "no")

    worker = Worker(queue, 0, 0, lab.settings, lab.s3, "0a", refused)
    hand = Hand(0, 0)
    capsys.readouterr()
    assert worker._handed_over(hand) == "ended" and hand.stored
    # Its parts are merely left: the log alone says why.
    line = json.loads(capsys.readouterr().out)
    assert line.pop("time")
    assert line == {
        "event": "hand_over_failed",
        "job": "0a",
        "code": "worker_start_failed",
    }


def test_what_has_less_than_its_time_because_of_others_is_left(
    make_table: MakeTable, make_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table(DECLARED)
    lab = make_lab(reader)
    queue = lab.claimed(part_of(reader))
    worker = Worker(queue, 0, 0, lab.settings, lab.s3, "0a", lab.hand_over)

    def too_slow(*_: Any, **__: Any) -> Any:
        raise SourceError("window_too_large", "slow")

    monkeypatch.setattr(group, "extract", too_slow)
    session = OneSession(lab.settings, "r1")
    monotonic = group.time.monotonic
    for left in (40, 53.9):
        late = worker._part(0, session, monotonic() + left)
        assert late == contract.PartReply(0)
    # Who had nine tenths of the 60 s of a job would hardly have more the next time.
    for left in (56, 61):
        whole = worker._part(0, session, monotonic() + left)
        assert whole.error is not None and whole.error.code == "window_too_large"
    session.close()


def test_a_part_that_fails_counts_as_a_failure_of_its_table(
    make_table: MakeTable, make_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alarm on failures looks at it."""
    good, broken = make_table(DECLARED, rows(2)), make_table(DECLARED)
    gone = dataclasses.replace(broken.spec, name="gone", relation="there_is_none")
    lab = make_lab(good)
    capsys.readouterr()
    lab.run(part_of(broken, table=gone), part_of(good))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    measured = [line for line in lines if line["event"] == "measured"]
    assert [(m["source"], m["table"], m["Failures"]) for m in measured] == [
        ("shop", "gone", 1),
        ("shop", "orders", 0),
    ]
    assert "Rows" not in measured[0] and measured[1]["Rows"] == 2


def test_an_error_that_nobody_foresaw_is_that_of_its_table(
    make_table: MakeTable, make_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table(DECLARED, rows(1))
    lab = make_lab(reader)
    extract = group.extract
    calls: list[int] = []

    def once(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("a value of a row")
        return extract(*arguments, **options)

    monkeypatch.setattr(group, "extract", once)
    reply = lab.run(part_of(reader), part_of(reader, part="w2"))
    error = reply.parts[0].error
    assert error is not None and error.code == "internal_error"
    assert "ZeroDivisionError at" in error.message and "row" not in error.message
    assert reply.parts[1].reply is not None and lab.connections == 2


def test_a_worker_that_cannot_connect_takes_no_part(
    make_table: MakeTable, make_lab: Any
) -> None:
    reader = make_table(DECLARED)
    lab = make_lab(reader)
    nowhere = dataclasses.replace(lab.settings.source("shop"), dbname="nowhere")
    lab.settings = dataclasses.replace(lab.settings, sources={"shop": nowhere})
    queue = lab.claimed(part_of(reader), part_of(reader, part="w2"))
    lab.work(queue)
    assert queue.taken() == frozenset()
    reply = queue.settled()
    assert reply is not None
    codes = [part.error.code if part.error else "" for part in reply.parts]
    assert codes == ["database_not_found"] * 2


def test_a_worker_that_cannot_claim_any_more_keeps_what_it_has_done(
    make_table: MakeTable, make_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table(DECLARED, rows(1))
    lab = make_lab(reader)
    queue = lab.claimed(*(part_of(reader, part=f"w{i}") for i in range(3)))
    create = queue._objects.create

    def failing(name: str, text: str) -> bool:
        if name.endswith("claims/00001.json"):
            raise LandingError("landing_failed", "S3 answers 503.")
        return create(name, text)

    monkeypatch.setattr(queue._objects, "create", failing)
    lab.work(queue)
    reply = queue.settled()
    assert reply is not None and reply.parts[0].reply is not None
    codes = [part.error and part.error.code for part in reply.parts]
    assert codes == [None, "landing_failed", "landing_failed"]
