"""A job has one deadline, from its worker's start to its last statement (A14)."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.errors import ExtractError
from lambda_extract.landing.files import WatchedTextSeen
from lambda_extract.operations import dispatch, read
from lambda_extract.settings import Settings, Source
from lambda_extract.source.database import Database

from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

SHOW_LIMIT = sql.SQL(
    "SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'"
)


def settings_of(reader: Reader, budget_seconds: float) -> Settings:
    login = {"kind": "environment"}
    source = Source("shop", "127.0.0.1", "shop", login, reader.aurora.port, "disable")
    return Settings(
        sources={"shop": source},
        landing_bucket="landing",
        landing_prefix="",
        function_name="f",
        signing_key="s" * 32,
        budget_seconds=budget_seconds,
    )


def test_a14_a_careful_second_pass_has_what_the_first_one_left(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a budget of its own it would outlive the Lambda, and be lost each time."""
    reader = make_table("id int PRIMARY KEY")
    settings = settings_of(reader, 60)
    monkeypatch.setenv("SOURCE_SHOP_USER", READER)
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "none is asked for")
    secrets.forget(settings.source("shop"))
    milliseconds: list[int] = []

    def passes(database: Database, *_: Any, careful: bool = False, job: str) -> Any:
        milliseconds.append(database.row(SHOW_LIMIT)[0])
        if not careful:
            database.row(sql.SQL("SELECT pg_catalog.pg_sleep(0.5)"))
            raise WatchedTextSeen
        return contract.HealthReply("r1", "", 0, 0, 0)

    monkeypatch.setattr(read, "extract", passes)
    request = contract.ExtractRequest(
        "r1", reader.spec, "p1", partition=contract.Partition("p1")
    )
    dispatch.run_operation(request, settings=settings, s3=None)
    secrets.forget(settings.source("shop"))
    first, second = milliseconds
    assert second <= first - 500


def test_a_table_that_is_read_twice_is_named_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes twice as long, which nothing else explains."""
    passes: list[bool] = []
    reply = contract.ExtractReply("r1", "p1", "now", (), (), (), 0, 0)

    def extract(*_: Any, careful: bool = False, job: str) -> contract.ExtractReply:
        assert job == "ab"
        passes.append(careful)
        if not careful:
            raise WatchedTextSeen
        return reply

    monkeypatch.setattr(read, "open_source", lambda *_, **__: nullcontext("database"))
    monkeypatch.setattr(read, "extract", extract)
    source = Source("shop", "h", "shop", {"kind": "environment"})
    settings = Settings({"shop": source}, "b", "", "f", "k" * 32)
    table = contract.TableSpec("orders", "shop", "public", "t_orders")
    request = contract.ExtractRequest(
        "r1", table, "p1", partition=contract.Partition("p1")
    )
    found = dispatch.run_operation(request, settings=settings, s3=None, job="ab")
    assert found is reply and passes == [False, True]
    line = json.loads(capsys.readouterr().out)
    assert line.pop("time")
    assert line == {"event": "extract_carefully", "run_id": "r1", "table": "orders"}


def test_a14_each_statement_has_what_is_left(make_table: MakeTable) -> None:
    """Five statements of one extraction could take five budgets before."""
    reader = make_table("id int PRIMARY KEY")
    with reader.database() as database:
        assert 20_000 < database.row(SHOW_LIMIT)[0] <= 30_000
        database._deadline -= 20
        assert database.row(SHOW_LIMIT)[0] <= 10_000
        database.begin_snapshot()
        database._deadline -= 6
        assert database.row(SHOW_LIMIT)[0] <= 4_000
        database._deadline -= 6
        with pytest.raises(ExtractError) as raised:
            database.row(SHOW_LIMIT)
    assert (raised.value.code, raised.value.retryable) == ("window_too_large", True)
