"""When a reader counts as far enough, by what both servers answer (a fake of each).

test_replica.py has a reader that really follows a writer.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract.errors import SourceError
from lambda_extract.settings import Reader, Source
from lambda_extract.source import durable, replica
from lambda_extract.source.replica import POLL_SECONDS, ReaderBehind

LOGIN = {"kind": "environment"}
SOURCE = Source("shop", "h", "shop", LOGIN, reader=Reader("r", wait_seconds=2.0))


def text_of(statement: sql.Composable) -> str:
    """Returns a statement on one line, with its literals as Python has them."""
    parts = statement.seq if isinstance(statement, sql.Composed) else [statement]
    texts = [p.string if isinstance(p, sql.SQL) else repr(p.wrapped) for p in parts]
    return " ".join("".join(texts).split())


class Server:
    """Answers by what a statement is about; each answer in its turn, the last stays."""

    def __init__(self, source: Source = SOURCE, **answers: list[Any]) -> None:
        self.source = source
        self.answers = {"aurora_replica_status'": [False], **answers}
        self.asked: list[str] = []
        self.writer: Any = self

    def row(self, statement: sql.Composable) -> tuple[Any]:
        text = text_of(statement)
        self.asked.append(text)
        (name,) = [name for name in self.answers if name in text]
        left = self.answers[name]
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return (found,)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times that were slept for; each moves the clock by itself alone."""
    slept: list[float] = []
    monkeypatch.setattr(replica.time, "sleep", slept.append)
    monkeypatch.setattr(replica.time, "monotonic", lambda: 100.0 + sum(slept))
    return slept


@pytest.fixture
def message(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    def write(position: str | None) -> None:
        monkeypatch.setattr(replica, "write_message", lambda _: position)

    write("0/AB")
    return write


def pair(reached: list[Any], recovery: list[Any] | None = None) -> Server:
    reader = Server(pg_last_wal=reached, pg_is_in_recovery=recovery or [True])
    reader.writer = Server(insert_lsn=["0/CD"])
    return reader


REACHED = "SELECT COALESCE( pg_catalog.pg_last_wal_replay_lsn() >= {}::pg_lsn, FALSE )"


@pytest.mark.usefixtures("message")
def test_a_reader_that_has_replayed_the_message_is_read(clock: list[float]) -> None:
    reader = pair([True])
    replica.follow(reader)  # type: ignore[arg-type]
    assert clock == [] and reader.asked[-1] == REACHED.format("'0/AB'")
    assert reader.writer.asked == []


def test_who_may_write_no_message_asks_where_the_log_ends(
    clock: list[float], message: Callable[[str | None], None]
) -> None:
    message(None)
    reader = pair([True])
    replica.follow(reader)  # type: ignore[arg-type]
    assert reader.asked[-1] == REACHED.format("'0/CD'")


@pytest.mark.usefixtures("message")
def test_a_reader_is_waited_for_while_the_source_allows(clock: list[float]) -> None:
    replica.follow(pair([False, False, True]))  # type: ignore[arg-type]
    assert clock == [POLL_SECONDS] * 2
    clock.clear()
    with pytest.raises(ReaderBehind, match=r"within 2 s") as behind:
        replica.follow(pair([False]))  # type: ignore[arg-type]
    assert behind.value.code == "reader_behind"
    assert sum(clock) == pytest.approx(2.0, abs=POLL_SECONDS)


@pytest.mark.usefixtures("message")
def test_a_server_that_follows_nobody_is_never_read(clock: list[float]) -> None:
    with pytest.raises(ReaderBehind, match="follows nobody"):
        replica.follow(pair([True], recovery=[False]))  # type: ignore[arg-type]


def test_without_a_reader_nobody_is_asked(clock: list[float]) -> None:
    writer = Server()
    replica.follow(writer)  # type: ignore[arg-type]
    alone = pair([False])
    alone.source = Source("shop", "h", "shop", LOGIN)
    replica.follow(alone)  # type: ignore[arg-type]
    assert writer.asked == alone.asked == [] and clock == []


@pytest.mark.usefixtures("message")
def test_auroras_own_functions_tell_how_far_its_reader_is(clock: list[float]) -> None:
    reader = Server(**{"aurora_replica_status'": [True], "bool_and": [False, True]})
    reader.writer = Server(**{"= 'MASTER_SESSION_ID'": [7001]})
    replica.follow(reader)  # type: ignore[arg-type]
    assert clock == [POLL_SECONDS]
    assert reader.writer.asked == [
        "SELECT s.durable_lsn::text FROM pg_catalog.aurora_replica_status() AS s"
        " WHERE s.session_id = 'MASTER_SESSION_ID'"
    ]
    assert reader.asked[-1] == (
        "SELECT COALESCE( pg_catalog.bool_and(s.durable_lsn >= '7001'::numeric), FALSE"
        " ) FROM pg_catalog.aurora_replica_status() AS s"
        " WHERE s.server_id = pg_catalog.aurora_db_instance_identifier()"
        " AND s.session_id <> 'MASTER_SESSION_ID'"
    )


class Asked(Server):
    """A server that really answers, in the session of the application."""

    def __init__(self, owner: psycopg2.extensions.connection) -> None:
        super().__init__()
        self.owner = owner

    def row(self, statement: sql.Composable) -> Any:
        with self.owner.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()


def test_a_server_is_auroras_if_it_has_auroras_function(
    owner: psycopg2.extensions.connection,
) -> None:
    server = Asked(owner)
    owner.autocommit = False
    try:
        for schema, aurora in (("public", False), ("pg_catalog", True)):
            owner.cursor().execute(
                f"CREATE FUNCTION {schema}.aurora_replica_status() RETURNS int"
                " LANGUAGE sql AS 'SELECT 1'"
            )
            assert replica.is_aurora(server) == aurora  # type: ignore[arg-type]
    finally:
        owner.rollback()


def test_a_reader_that_was_promoted_has_read_nothing() -> None:
    replica.check_still_follows(pair([], recovery=[True]))  # type: ignore[arg-type]
    with pytest.raises(SourceError) as promoted:
        replica.check_still_follows(pair([], [False]))  # type: ignore[arg-type]
    assert (promoted.value.code, promoted.value.retryable) == ("source_error", True)
    # The writer itself follows nobody, and is asked nothing.
    writer = Server()
    replica.check_still_follows(writer)  # type: ignore[arg-type]
    assert writer.asked == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: "0/12", "0/12"),
        (SourceError("permission_denied", "No."), None),
        (SourceError("source_unreachable", "Gone."), SourceError),
    ],
)
def test_a_message_that_may_not_be_written_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, answer: Any, expected: Any
) -> None:
    def write(database: Any) -> str:
        if isinstance(answer, Exception):
            raise answer
        return str(answer(database))

    monkeypatch.setattr(durable, "_write", write)
    database: Any = Server()
    if expected is SourceError:
        with pytest.raises(SourceError) as failed:
            durable.write_message(database)
        assert failed.value is answer
    else:
        assert durable.write_message(database) == expected


def test_a_replica_is_asked_for_no_proof_of_its_own() -> None:
    """It has what its writer sent, and cannot write: no warning, and no message."""
    database: Any = SimpleNamespace(row=lambda _: (True, False))
    assert durable.make_durable(database) == ()
