"""E3: a source that has no connection left at the moment is waited for."""

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.errors import ExtractError
from lambda_extract.operations import connect, dispatch
from lambda_extract.settings import Settings
from local.aurora import Aurora
from tests.unit.lambda_extract.operations.test_one_deadline import settings_of
from tests.unit.lambda_extract.conftest import MakeTable, Reader

Login = Callable[[], psycopg2.extensions.connection]


@pytest.fixture
def limited(
    make_table: MakeTable,
    aurora: Aurora,
    owner: psycopg2.extensions.connection,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Reader, Settings, Login]]:
    """A table whose reader may have one connection, and a login that takes it."""
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    role = f"limited_{reader.spec.relation}"
    settings = settings_of(reader, 20)
    with owner.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
        cursor.execute(f"GRANT SELECT ON {reader.spec.relation} TO {role}")
    monkeypatch.setenv("SOURCE_SHOP_USER", role)
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "none is asked for")
    secrets.forget(settings.source("shop"))

    def login() -> psycopg2.extensions.connection:
        dsn = aurora.dsn("shop")
        connection = psycopg2.connect(dsn, user=role)
        connection.autocommit = True
        return connection

    yield reader, settings, login
    secrets.forget(settings.source("shop"))
    with owner.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def count(reader: Reader, settings: Settings, seconds: float) -> int:
    request = contract.ExtractRequest(
        "r1", reader.spec, "p1", partition=contract.Partition("p1")
    )
    deadline = time.monotonic() + seconds
    with connect.open_source(request, settings, deadline=deadline) as database:
        statement = sql.SQL("SELECT pg_catalog.count(*)::int FROM {}")
        (rows,) = database.row(
            statement.format(sql.Identifier("public", reader.spec.relation))
        )
        return int(rows)


def test_a_job_goes_on_as_soon_as_a_connection_is_free(
    limited: tuple[Reader, Settings, Login], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, settings, login = limited
    other = login()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            pid = other.info.backend_pid
            other.close()
            wait_until_gone(reader, pid)

    monkeypatch.setattr(connect.time, "sleep", sleep)
    assert count(reader, settings, 20) == 1
    assert len(pauses) == 3
    least, most = connect.PAUSE_SECONDS
    assert all(least <= pause <= most for pause in pauses)
    # Or those who wait would all come back at once, again and again.
    assert len(set(pauses)) == 3


def wait_until_gone(reader: Reader, pid: int) -> None:
    with reader.database() as database:
        listed = sql.SQL(
            "SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity"
            " WHERE pid = {}"
        ).format(sql.Literal(pid))
        end = time.monotonic() + 10
        while database.row(listed)[0] and time.monotonic() < end:
            pass


def test_it_waits_for_half_of_its_time_and_then_says_why(
    limited: tuple[Reader, Settings, Login], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other half is left to read in; with less, the window would be halved."""
    reader, settings, login = limited
    other = login()
    monkeypatch.setattr(connect, "PAUSE_SECONDS", (0.05, 0.1))
    started = time.monotonic()
    with pytest.raises(ExtractError) as refused:
        count(reader, settings, 1.0)
    assert time.monotonic() - started < 0.75
    assert (refused.value.code, refused.value.retryable) == (
        "too_many_connections",
        True,
    )
    other.close()


@pytest.mark.parametrize(
    ("waiting", "pauses"), [(0.0, 0), (0.75, 0), (1.0, 1), (3.0, 3), (3.75, 3)]
)
def test_the_last_attempt_may_be_at_the_very_end_of_the_waiting_time(
    limited: tuple[Reader, Settings, Login],
    monkeypatch: pytest.MonkeyPatch,
    waiting: float,
    pauses: int,
) -> None:
    _, settings, _ = limited
    # Binary fractions only: sums are exact.
    now = [1000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    attempts: list[float] = []

    @contextlib.contextmanager
    def connected(*_: Any, **__: Any) -> Iterator[Any]:
        attempts.append(now[0] - 1000.0)
        yield from ()
        raise connect.SourceError("too_many_connections", "no")

    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(connect, "time", clock)
    monkeypatch.setattr(connect, "PAUSE_SECONDS", (1.0, 1.0))
    monkeypatch.setattr(connect, "connected", connected)
    with pytest.raises(ExtractError) as refused:
        with connect.connect(
            "shop", "n", settings, deadline=1020.0, waiting_seconds=waiting
        ):
            pytest.fail("connected")
    assert refused.value.code == "too_many_connections"
    assert attempts == [float(second) for second in range(pauses + 1)]


@pytest.mark.parametrize("code", ["source_unreachable", "permission_denied"])
def test_other_errors_of_a_login_are_told_at_once(
    limited: tuple[Reader, Settings, Login], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    reader, settings, _ = limited
    monkeypatch.setattr(connect.time, "sleep", lambda _: pytest.fail("waited"))

    def connected(*_: Any, **__: Any) -> Any:
        raise connect.SourceError(code, "no")

    monkeypatch.setattr(connect, "connected", connected)
    with pytest.raises(ExtractError) as refused:
        count(reader, settings, 20)
    assert refused.value.code == code


def test_who_asks_whether_all_is_well_is_told_without_waiting(
    limited: tuple[Reader, Settings, Login], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, settings, login = limited
    other = login()
    monkeypatch.setattr(connect.time, "sleep", lambda _: pytest.fail("waited"))
    reply = dispatch.run_operation(
        contract.CheckRequest("r1", "shop"), settings=settings, s3=None
    )
    assert isinstance(reply, contract.CheckReply)
    assert "[too_many_connections]" in reply.findings[-1].detail
    other.close()
