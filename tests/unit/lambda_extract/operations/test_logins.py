"""Who a session logs in as, and by which name the source's DBA sees it."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.operations import connect
from lambda_extract.operations import discover as operation
from lambda_extract.settings import Settings, Source
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

WHO = sql.SQL(
    "SELECT current_user::text, pg_catalog.current_setting('application_name')"
)
LOG_LOGIN = {
    "kind": "environment",
    "user_variable": "LOG_USER",
    "password_variable": "LOG_PASSWORD",
}


@pytest.fixture
def shop(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Reader, Settings]]:
    """A table, and a source that has a login of its own for the log."""
    reader = make_table("id int PRIMARY KEY")
    login = {"kind": "environment"}
    port = reader.aurora.port
    source = Source("shop", "127.0.0.1", "shop", login, port, "disable")
    source = dataclasses.replace(source, log_credentials=LOG_LOGIN)
    for prefix, user in (("SOURCE_SHOP", READER), ("LOG", "unprivileged")):
        monkeypatch.setenv(f"{prefix}_USER", user)
        monkeypatch.setenv(f"{prefix}_PASSWORD", "none is asked for")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", "")
    settings = Settings({"shop": source}, "bucket", "", "f", "k" * 32)
    for each in (source, source.for_log):
        secrets.forget(each)
    yield reader, settings
    for each in (source, source.for_log):
        secrets.forget(each)


def test_a_session_is_named_by_its_table_and_then_its_run(
    shop: tuple[Reader, Settings],
) -> None:
    reader, settings = shop
    request = contract.ExtractRequest(
        "r1", reader.spec, "p1", partition=contract.Partition("p1")
    )
    deadline = time.monotonic() + 30
    with connect.open_source(request, settings, deadline=deadline) as database:
        assert database.row(WHO) == (READER, "aurora_sync:orders:r1")


def test_a_session_that_looks_for_tables_says_so(
    shop: tuple[Reader, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, settings = shop
    seen: list[Any] = []

    @contextlib.contextmanager
    def watched(*given: Any, **named: Any) -> Iterator[Any]:
        with connect.connect(*given, **named) as database:
            seen.append(database.row(WHO))
            yield database

    monkeypatch.setattr(operation, "connect", watched)
    request = contract.DiscoverRequest(
        "r1", "shop", (f"public.{reader.spec.relation}",)
    )
    operation.discover(request, settings=settings, deadline=time.monotonic() + 30)
    assert seen == [(READER, "aurora_sync:discover:r1")]


@pytest.mark.parametrize(
    ("options", "user"), [({}, READER), ({"log": True}, "unprivileged")]
)
def test_the_login_of_the_log_is_used_for_nothing_else(
    shop: tuple[Reader, Settings], options: Any, user: str
) -> None:
    """It may replicate the whole database."""
    _, settings = shop
    deadline = time.monotonic() + 30
    with connect.connect("shop", "x", settings, deadline=deadline, **options) as opened:
        assert opened.row(WHO)[0] == user
