"""The function's environment, and where it goes wrong."""

import json
from typing import Any

import pytest

from lambda_extract.errors import CODES, ExtractError
from lambda_extract.settings import read_settings

SHOP: dict[str, Any] = {
    "host": "db",
    "dbname": "shop",
    "credentials": {"kind": "environment"},
}


def environ(**changes: str) -> dict[str, str]:
    return {
        "LANDING_BUCKET": "b",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "SOURCES": json.dumps({"shop": SHOP}),
    } | changes


def test_defaults() -> None:
    settings = read_settings(environ(LANDING_PREFIX="/a/b/"))
    assert settings.landing_prefix == "a/b/"
    assert (settings.budget_seconds, settings.worker_timeout_seconds) == (240, 300)
    source = settings.source("shop")
    # Anything weaker lets somebody in between read the password.
    assert (source.port, source.sslmode) == (5432, "verify-full")


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(ExtractError) as refused:
        read_settings(environ()).source("other")
    assert refused.value.code == "unknown_source"
    assert "shop" in refused.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {"LANDING_BUCKET": ""},
        {"AWS_LAMBDA_FUNCTION_NAME": ""},
        {"EXTRACT_BUDGET_SECONDS": "soon"},
        {"EXTRACT_BUDGET_SECONDS": "0"},
        {"WORKER_TIMEOUT_SECONDS": "901"},
        {"SOURCES": "{"},
        {"SOURCES": "[]"},
        {"SOURCES": json.dumps({"shop": {"host": "db"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"passwort": "x"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"port": "x"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"credentials": {"kind": "magic"}}})},
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, str]) -> None:
    with pytest.raises(ExtractError) as refused:
        read_settings(environ(**changes))
    assert refused.value.code == "bad_request"
    assert next(iter(changes)) in refused.value.message


def test_every_code_has_a_hint() -> None:
    assert all(code.hint.endswith(".") for code in CODES.values())
