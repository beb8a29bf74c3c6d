"""The scheduled health check: all sources are looked at, and what is wrong is loud."""

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from lambda_extract import handler as handling
from lambda_extract import contract, watchdog
from lambda_extract.changes import guard
from lambda_extract.credentials import secrets
from lambda_extract.errors import ExtractError
from lambda_extract.settings import Settings, Source
from local.aurora import Aurora

from .conftest import READER
from tests.unit.lambda_extract.simulated_s3 import client_of


@pytest.fixture
def settings(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("SOURCE_SHOP_USER", READER)
    kept = {"kind": "environment"}
    shop = Source("shop", "127.0.0.1", "shop", kept, aurora.port, "disable")
    lost = Source("lost", "127.0.0.1", "shop", {"kind": "environment"}, 1, "disable")
    secrets.forget(shop)
    yield Settings({"shop": shop, "lost": lost}, "landing", "p/", "f", "s" * 32)
    secrets.forget(shop)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = client_of("us-east-1")
        client.create_bucket(Bucket="landing")
        yield client


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_healthy_source(
    settings: Settings, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = watchdog.watch({"sources": ["shop"]}, settings=settings, s3=s3)
    assert found == {"healthy": ["shop"], "unhealthy": {}}
    source, end = lines(capsys)
    assert (source["event"], source["source"]) == ("watchdog_source", "shop")
    assert source["healthy"] == 1
    assert source["release"].startswith(f"{contract.RELEASE}-")
    assert (end["event"], end["unhealthy"]) == ("watchdog", 0)


def test_what_is_wrong_is_told_after_all_were_checked(
    settings: Settings, s3: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """B1: a failed invocation would stay among the dead letters for 14 days."""
    found = watchdog.watch({}, settings=settings, s3=s3)
    assert found["healthy"] == ["shop"]
    assert found["unhealthy"] == {"lost": "credentials_unavailable"}
    told = {line.get("source"): line for line in lines(capsys)}
    assert told["lost"]["healthy"] == 0 and told["lost"]["hint"]
    assert told["lost"]["code"] == "credentials_unavailable"
    assert "SOURCE_LOST_USER" in told["lost"]["message"]
    assert told["shop"]["healthy"] == 1


def test_a_landing_that_is_gone_is_noticed(settings: Settings, s3: Any) -> None:
    s3.delete_bucket(Bucket="landing")
    found = watchdog.watch({"sources": ["shop"]}, settings=settings, s3=s3)
    assert found["unhealthy"] == {"shop": "landing_denied"}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "must name a source."),
        ([], "must name a source."),
        ({"sources": []}, "must name a source."),
        ({"sources": [1]}, "must hold texts."),
        ({"sources": ["lost", 1]}, "must hold texts."),
    ],
)
def test_a_malformed_schedule_is_loud(
    settings: Settings, payload: Any, message: str
) -> None:
    with pytest.raises(ExtractError) as raised:
        watchdog.watch(payload, settings=settings, s3=None)
    assert raised.value.code == "bad_request"
    assert raised.value.message == f"/watchdog/sources: {message}"


def test_the_lines_of_an_invocation_share_a_run_id_of_their_own(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is short: people copy it, and it is in the application_name of the session."""
    found: list[str] = []
    for _ in range(2):
        watchdog.watch({"sources": ["lost"]}, settings=settings, s3=None)
        (run_id,) = {line["run_id"] for line in lines(capsys)}
        assert re.fullmatch("watchdog-[0-9a-f]{12}", run_id)
        found.append(run_id)
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("retained", "gigabytes", "told"),
    [
        (750_000_000, 0.75, "0.8 GB"),
        (20_000_449_999, 20.0, "20.0 GB"),
        (20_123_456_789, 20.123, "20.1 GB"),
    ],
)
def test_what_a_slot_holds_is_told_in_gigabytes_of_the_alarm(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    retained: int,
    gigabytes: float,
    told: str,
) -> None:
    """The metric filter takes the number; people read the message of the drop."""
    logged = dataclasses.replace(
        settings.sources["lost"],
        log_credentials={"kind": "environment"},
        log_slot="aurora_sync_lost",
    )
    settings = dataclasses.replace(settings, sources={"lost": logged})
    held = guard.Held(retained, "extended", "2026-01-01T00:00:00Z", dropped=True)
    monkeypatch.setattr(
        watchdog, "connect", lambda *_, **__: contextlib.nullcontext(None)
    )
    monkeypatch.setattr(guard, "look_after", lambda database, slot, most: held)
    watchdog.watch({}, settings=settings, s3=None)
    slot, source, _ = lines(capsys)
    assert slot["event"] == "watchdog_log"
    assert slot["retained_gigabytes"] == gigabytes
    assert slot["oldest_transaction"] == "2026-01-01T00:00:00Z"
    assert (slot["wal_status"], slot["dropped"]) == ("extended", True)
    assert source["code"] == "slot_lost"
    assert source["message"] == (
        f"Replication slot 'aurora_sync_lost' held {told} of WAL and was dropped by the"
        " watchdog (drop_retained_gigabytes)."
    )


@pytest.mark.parametrize(
    "http", [{"httpMethod": "POST"}, {"requestContext": {}}, {"httpMethod": None}]
)
def test_no_watchdog_and_no_worker_through_the_api(
    http: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("reached through the API")

    monkeypatch.setattr(watchdog, "watch", never)
    monkeypatch.setattr(handling, "_work", never)
    forged = {"watchdog": {"sources": ["shop"]}, "job": "jobs/x"}
    event = {"headers": {}, "body": json.dumps(forged)} | forged | http
    assert handling.handler(event, None)["statusCode"] == 400
