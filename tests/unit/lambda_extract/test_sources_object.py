"""A11: sources that lie in S3, because environment variables hold 4 KB in all."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from lambda_extract import handler as handling
from lambda_extract.errors import LandingError, RequestError
from lambda_extract.settings import Settings, read_settings
from tests.unit.lambda_extract.simulated_s3 import client_of

SHOP = {"host": "h", "dbname": "d", "credentials": {"kind": "environment"}}


def key_of(text: str) -> str:
    return f"settings/sources-{hashlib.sha256(text.encode()).hexdigest()}.json"


KEY = key_of(json.dumps({"shop": SHOP}))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        client = client_of("us-east-1")
        client.create_bucket(Bucket="landing")
        monkeypatch.setattr(handling, "_client", lambda service: client)
        handling._sources_text.cache_clear()
        yield client
        handling._sources_text.cache_clear()


def settings(key: str) -> Settings:
    return read_settings(
        {
            "LANDING_BUCKET": "landing",
            "SIGNING_KEY": "a signing key that is long enough for it",
            "AWS_LAMBDA_FUNCTION_NAME": "front",
            "SOURCES_KEY": key,
        }
    )


def test_hundreds_of_tables_are_read_once(s3: Any) -> None:
    tables = [f"public.a_table_with_a_long_name_{number}" for number in range(500)]
    text = json.dumps({"shop": SHOP | {"tables": tables}})
    assert len(text) > 4096
    key = key_of(text)
    s3.put_object(Bucket="landing", Key=key, Body=text.encode())
    found = handling._with_sources(settings(key))
    assert found.source("shop").tables == tuple(tables)
    s3.delete_object(Bucket="landing", Key=key)
    assert handling._with_sources(settings(key)) == found


@pytest.mark.parametrize("change", [{"host": "mallory"}, {"owners": ["mallory"]}, {}])
def test_sources_that_somebody_else_wrote_are_refused(
    s3: Any, change: dict[str, Any]
) -> None:
    text = json.dumps({"shop": SHOP | change}, indent=1)
    s3.put_object(Bucket="landing", Key=KEY, Body=text.encode())
    with pytest.raises(RequestError, match="not the one that was deployed"):
        handling._with_sources(settings(KEY))


def test_sources_that_cannot_be_read_are_an_error_of_ours(s3: Any) -> None:
    with pytest.raises(LandingError):
        handling._with_sources(settings(KEY))


def test_without_the_object_nothing_is_asked() -> None:
    """The local stack, and the front, which needs no source."""
    before = settings("")
    assert handling._with_sources(before) is before
