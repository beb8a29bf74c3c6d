"""Which transaction is named as the one that a log has to wait for."""

import contextlib
import uuid
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from lambda_extract.changes import settle, slots
from lambda_extract.changes.settle import settle_log
from lambda_extract.contract import LogBound
from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import read_table
from tests.unit.lambda_extract.changes.conftest import LOGGER, Log
from tests.unit.lambda_extract.conftest import READER


@contextlib.contextmanager
def transaction(log: Log, *statements: str) -> Iterator[str]:
    """Keeps a transaction open; yields when it began."""
    with contextlib.closing(log.server.connect("shop")) as other:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT now()::text")
        ((began,),) = cursor.fetchall()
        for statement in statements:
            cursor.execute(statement)
        yield str(began)
        cursor.execute("ROLLBACK")


@pytest.fixture
def stats(log: Log) -> Iterator[None]:
    """Who reads the log sees when others began, as CHECK_SYNC asks for."""
    roles = f"{LOGGER}, {READER}"
    log.sql(f"GRANT pg_read_all_stats TO {roles}")
    yield
    log.sql(f"REVOKE pg_read_all_stats FROM {roles}")


def oldest(log: Log) -> str | None:
    with log.database() as database:
        return slots.read_slot(database, log.spec).state.oldest_transaction


@pytest.mark.usefixtures("stats")
def test_of_writers_the_oldest_is_named_and_readers_are_not(log: Log) -> None:
    name = log.table("(id int PRIMARY KEY)").spec.name
    with transaction(log, f"SELECT * FROM {name}"):
        assert oldest(log) is None
        with transaction(log, f"INSERT INTO {name} VALUES (1)") as first:
            assert oldest(log) == first
            with transaction(log, f"INSERT INTO {name} VALUES (2)"):
                assert oldest(log) == first


def waited_for(log: Log) -> str:
    table = log.tables[0]
    reader = log.reader(table.relation)
    log.tables.pop()
    with reader.database() as database, pytest.raises(SourceError) as caught:
        read = read_table(database, reader.spec)
        settle_log(database, read, log.spec, seconds=0.0)
    assert caught.value.code == "transactions_open"
    return caught.value.message


@pytest.mark.usefixtures("stats")
def test_who_waits_is_told_since_when(log: Log) -> None:
    name = log.table("(id int PRIMARY KEY)").spec.name
    with transaction(log, f"SELECT * FROM {name}"):
        with transaction(log, f"INSERT INTO {name} VALUES (1)") as first:
            with transaction(log, f"INSERT INTO {name} VALUES (2)") as second:
                told = waited_for(log)
                assert first in told and second not in told


@pytest.mark.parametrize(
    ("seconds", "ends_after", "settled"),
    [(5.0, 1, True), (5.0, 3, True), (0.15, 3, False)],
)
def test_a_transaction_that_ends_in_time_is_waited_for_ten_times_a_second(
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    ends_after: int,
    settled: bool,
) -> None:
    reader = log.table("(id int PRIMARY KEY)")
    slept: list[float] = []
    with contextlib.closing(log.server.connect("shop")) as other:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO {reader.spec.relation} VALUES (1)")

        def sleep(pause: float) -> None:
            """Lets no time pass but on the clock."""
            slept.append(pause)
            if len(slept) == ends_after:
                cursor.execute("COMMIT")

        clock = SimpleNamespace(sleep=sleep, monotonic=lambda: 50.0 + sum(slept))
        with reader.database() as database:
            read = read_table(database, reader.spec)
            monkeypatch.setattr(settle, "time", clock)
            if settled:
                found = settle_log(database, read, log.spec, seconds=seconds)
            else:
                with pytest.raises(SourceError, match="is still open"):
                    settle_log(database, read, log.spec, seconds=seconds)
    assert slept == [0.1] * (ends_after if settled else 2)
    if settled:
        assert found == LogBound(log.identity(reader))


@pytest.mark.usefixtures("stats")
@pytest.mark.parametrize("prepared_first", [True, False])
def test_a_prepared_transaction_counts_as_an_open_one(
    log: Log, prepared_first: bool
) -> None:
    name = log.table("(id int PRIMARY KEY)").spec.name
    gid = f"p_{uuid.uuid4().hex[:8]}"

    def prepare() -> str:
        log.sql("BEGIN")
        log.sql(f"INSERT INTO {name} VALUES (7)")
        log.sql(f"PREPARE TRANSACTION '{gid}'")
        sql = f"SELECT prepared::text FROM pg_prepared_xacts WHERE gid = '{gid}'"
        return str(log.sql(sql)[0][0])

    try:
        since = prepare() if prepared_first else ""
        with transaction(log, f"INSERT INTO {name} VALUES (1)") as opened:
            since = since or prepare()
            told = waited_for(log)
            earlier, later = (since, opened) if prepared_first else (opened, since)
            assert earlier in told and later not in told
        assert since in waited_for(log)
    finally:
        log.sql(f"ROLLBACK PREPARED '{gid}'")


def test_a_writer_that_began_before_the_publication_was_committed(log: Log) -> None:
    """The log has nothing of what it wrote until then, and it is the newest of all."""
    name = log.table("(id int PRIMARY KEY)", publish=False).spec.name
    log.sql("BEGIN")
    log.sql(f"ALTER PUBLICATION {log.spec.publication} ADD TABLE {name}")
    with transaction(log, f"INSERT INTO {name} VALUES (1)"):
        log.sql("COMMIT")
        assert "may not have all of it" in waited_for(log)
    assert log.identity(log.reader(name)).relation_id
