"""What a check says of a server, a reader and a log, whatever they answer (fakes)."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract.changes.published import Published
from lambda_extract.changes.slots import Slot
from lambda_extract.contract import (
    CheckRequest,
    CheckTable,
    LogSpec,
    SlotState,
    TableSpec,
)
from lambda_extract.errors import SourceError
from lambda_extract.operations import check, check_log
from lambda_extract.settings import Reader, Source
from tests.unit.lambda_extract.conftest import MakeTable

LOGIN = {"kind": "environment"}
LOG = LogSpec("aurora_sync_slot", "publication")
ANY: Any = None


def of_reader(
    monkeypatch: pytest.MonkeyPatch, reader: Reader | None, error: Exception | None
) -> list[Any]:
    ticks = iter([50.0, 52.25])
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    connected = SimpleNamespace()

    @contextlib.contextmanager
    def connect_reader(*_: Any, **__: Any) -> Iterator[Any]:
        yield connected

    def follow(database: Any) -> None:
        assert database is connected and database.writer == "writer"
        if error:
            raise error

    monkeypatch.setattr(check, "time", clock)
    monkeypatch.setattr(check, "connect_reader", connect_reader)
    monkeypatch.setattr(check, "follow", follow)
    source = Source("shop", "h", "shop", LOGIN, reader=reader)
    writer: Any = "writer"
    request = CheckRequest("r1", "shop", ())
    return list(check._look_at_reader(request, source, writer, 99.0))


def test_a_reader_that_follows_says_after_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (found,) = of_reader(monkeypatch, Reader("replica"), None)
    assert (found.check, found.state) == ("reader", "ok")
    assert found.detail.startswith("replica had all") and "after 2.2 s" in found.detail


@pytest.mark.parametrize(
    ("behind", "state"), [("writer", "warning"), ("fail", "failed")]
)
def test_a_reader_that_is_behind_is_as_bad_as_its_source_says(
    monkeypatch: pytest.MonkeyPatch, behind: Any, state: str
) -> None:
    error = SourceError("reader_behind", "Far behind.")
    (found,) = of_reader(monkeypatch, Reader("replica", behind=behind), error)
    assert (found.check, found.state) == ("reader", state)
    assert ("from the writer meanwhile" in found.detail) == (behind == "writer")


def test_without_a_reader_nothing_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert of_reader(monkeypatch, None, None) == []


def of_slot(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Any:
    def read_slot(*_: Any) -> Slot:
        if isinstance(answer, Exception):
            raise answer
        found: Slot = answer
        return found

    monkeypatch.setattr(check_log, "read_slot", read_slot)
    return check_log._slot(ANY, LOG)


def test_a_slot_that_is_being_read_is_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture, most likely."""
    found = of_slot(monkeypatch, SourceError("slot_active", "Session 7."))
    assert (found.check, found.state, found.table) == ("log", "ok", "")
    assert found.detail == "slot aurora_sync_slot is being read at this moment"


@pytest.mark.parametrize("code", ["slot_missing", "slot_lost", "log_permission"])
def test_a_slot_that_cannot_be_read_is_an_error(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    found = of_slot(monkeypatch, SourceError(code, "So it is."))
    assert (found.check, found.state) == ("log", "failed")
    assert ("CALL START_LOG" in found.hint) == (code == "slot_missing")


def test_a_slot_that_is_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SlotState("0/100", "0/90", "0/200", 272, "reserved")
    found = of_slot(monkeypatch, Slot(state, 0x100, 0x200, "7:1"))
    assert found.check == "log" and "aurora_sync_slot" in found.detail


SESSION = "(SELECT pg_catalog.pg_backend_pid() AS pid, {}::boolean AS ssl)"
ROLE = "(SELECT current_user AS rolname, {}::boolean AS rolsuper)"
NO_ROWS = "(SELECT 0 AS pid, TRUE AS ssl, ''::name AS rolname, TRUE AS rolsuper)"


@pytest.mark.parametrize(
    ("session", "role", "tls", "superuser"),
    [
        (SESSION.format("TRUE"), ROLE.format("FALSE"), True, False),
        (SESSION.format("FALSE"), ROLE.format("TRUE"), False, True),
        (NO_ROWS, NO_ROWS, False, False),
    ],
)
def test_only_what_the_server_says_of_itself_is_believed(
    make_table: MakeTable, session: str, role: str, tls: bool, superuser: bool
) -> None:
    """The server of the tests knows no TLS, so both views are put into its mouth."""
    views = {"pg_catalog.pg_stat_ssl": session, "pg_catalog.pg_roles": role}
    with make_table("id int").database() as database:

        def row(statement: sql.SQL) -> Any:
            text = statement.string
            for view, answer in views.items():
                assert text.count(view) == 1
                text = text.replace(view, answer)
            return database.row(sql.SQL(text))

        server: Any = SimpleNamespace(row=row, server_version=180004)
        facts = check._read_facts(server, Source("shop", "h", "shop", LOGIN))
    assert (facts.tls, facts.superuser) == (tls, superuser)
    assert (facts.replica, facts.sees_all, facts.version) == (False, True, 180004)


def of_tables(monkeypatch: pytest.MonkeyPatch, **logged: bool) -> list[Any]:
    """Returns what is told of these tables, all of which the publication has."""

    def read_tables(_: Any, __: Any, ___: Any, tables: list[Any]) -> list[Published]:
        assert tables, "The publication is asked for nothing."
        return [Published(7, ("id",), (1,), "7.1", "d") for _ in tables]

    monkeypatch.setattr(check_log, "read_tables", read_tables)
    tables = tuple(
        CheckTable(TableSpec(name, "shop", "public", name), logged=each)
        for name, each in logged.items()
    )
    request = CheckRequest("r1", "shop", tables, LOG)
    return list(check_log._tables(ANY, request, LOG, ANY))


def test_a_table_that_is_not_read_by_the_log_need_not_be_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = of_tables(monkeypatch, orders=True, customers=False, items=True)
    assert [(f.check, f.state, f.table) for f in found] == [
        ("published", "ok", "orders"),
        ("published", "ok", "items"),
    ]


def test_a_log_that_no_table_uses_needs_no_publication(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert of_tables(monkeypatch) == []
    assert of_tables(monkeypatch, orders=False) == []
