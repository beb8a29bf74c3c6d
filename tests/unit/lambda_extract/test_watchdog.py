"""The scheduled health check: all sources are looked at, and what is wrong is loud."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from lambda_extract import handler as handling
from lambda_extract import contract, watchdog
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
    assert told["shop"]["healthy"] == 1


def test_a_landing_that_is_gone_is_noticed(settings: Settings, s3: Any) -> None:
    s3.delete_bucket(Bucket="landing")
    found = watchdog.watch({"sources": ["shop"]}, settings=settings, s3=s3)
    assert found["unhealthy"] == {"shop": "landing_denied"}


@pytest.mark.parametrize("payload", [None, [], {"sources": []}, {"sources": [1]}])
def test_a_malformed_schedule_is_loud(settings: Settings, payload: Any) -> None:
    with pytest.raises(ExtractError):
        watchdog.watch(payload, settings=settings, s3=None)


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
