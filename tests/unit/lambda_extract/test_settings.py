"""The function's environment, and where it goes wrong."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from lambda_extract.errors import CODES, ExtractError, RequestError
from lambda_extract.settings import Protection, Reader, read_settings
from snowpark.settings import log_rules

SHOP: dict[str, Any] = {
    "host": "db",
    "dbname": "shop",
    "credentials": {"kind": "environment"},
}


def environ(**changes: str) -> dict[str, str]:
    return {
        "LANDING_BUCKET": "b",
        "SIGNING_KEY": "a signing key that is long enough for it",
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


def test_the_shortest_signing_key_has_32_characters() -> None:
    assert read_settings(environ(SIGNING_KEY="x" * 32)).signing_key == "x" * 32


SECONDS = {
    "EXTRACT_BUDGET_SECONDS": ("budget_seconds", 240.0),
    "WORKER_TIMEOUT_SECONDS": ("worker_timeout_seconds", 300.0),
    "WORKER_START_SECONDS": ("start_seconds", 240.0),
    "WORKER_GRACE_SECONDS": ("grace_seconds", 10.0),
    "PROOF_WAIT_SECONDS": ("proof_wait_seconds", 20.0),
    "CALL_SECONDS": ("call_seconds", 540.0),
    "WORKER_SILENT_SECONDS": ("silent_seconds", 45.0),
}


def test_every_time_has_a_variable_of_its_own() -> None:
    usual = read_settings(environ())
    assert {n: getattr(usual, n) for n, _ in SECONDS.values()} == dict(SECONDS.values())
    for variable, (name, _) in SECONDS.items():
        expected: dict[str, Any] = {name: 7.5}
        told = read_settings(environ(**{variable: "7.5"}))
        assert told == dataclasses.replace(usual, **expected), variable
        assert read_settings(environ(**{variable: ""})) == usual, variable


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "rds_ca.pem"),
        ({"sslmode": "verify-ca"}, "rds_ca.pem"),
        ({"sslrootcert": "own.pem"}, "own.pem"),
        # A file would make libpq verify, which this mode does not ask for.
        ({"sslmode": "require"}, ""),
        ({"sslmode": "disable"}, ""),
    ],
)
def test_the_certificates_of_rds_are_trusted_by_default(
    given: dict[str, str], expected: str
) -> None:
    settings = read_settings(environ(SOURCES=json.dumps({"shop": SHOP | given})))
    trusted = settings.source("shop").sslrootcert
    assert Path(trusted).name == expected
    assert expected != "rds_ca.pem" or Path(trusted).is_file()


@pytest.mark.parametrize("kind", ["vault", "secrets_manager", "rds_iam"])
@pytest.mark.parametrize("whose", ["credentials", "log"])
def test_a_login_with_a_secret_goes_to_a_verified_server_alone(
    kind: str, whose: str
) -> None:
    """Of the tables' reader, and of the slot's login; a replica has the same mode."""
    secret = {"kind": kind}
    given = SHOP | {"credentials": {"kind": "environment"}}
    given |= {whose: secret if whose == "credentials" else {"credentials": secret}}
    given |= {"reader": {"host": "replica"}}
    for sslmode in ("disable", "allow", "prefer", "require", "verify-ca"):
        weak = json.dumps({"shop": given | {"sslmode": sslmode}})
        with pytest.raises(ExtractError, match="verify-full") as refused:
            read_settings(environ(SOURCES=weak))
        assert refused.value.code == "bad_request"
    read = read_settings(environ(SOURCES=json.dumps({"shop": given}))).source("shop")
    assert read.sslmode == read.replica.sslmode == read.for_log.sslmode == "verify-full"
    assert read.replica.sslrootcert == read.for_log.sslrootcert == read.sslrootcert


@pytest.mark.parametrize(
    ("host", "replica", "near"),
    [
        ("127.0.0.1", "localhost", True),
        ("/tmp/socket", "/tmp/socket", True),  # noqa: S108
        ("localhost", "replica", False),
        ("localhost.attacker.example", "localhost", False),
        ("127.0.0.1,attacker.example", "localhost", False),
        ("/tmp,attacker.example", "localhost", False),  # noqa: S108
        ("127.0.0.10", "localhost", False),
    ],
)
def test_between_processes_of_one_machine_nobody_stands(
    host: str, replica: str, near: bool
) -> None:
    given = SHOP | {"credentials": {"kind": "vault"}, "sslmode": "disable"}
    given |= {"host": host, "reader": {"host": replica}}
    sources = environ(SOURCES=json.dumps({"shop": given}))
    if near:
        assert read_settings(sources).source("shop").sslmode == "disable"
        return
    with pytest.raises(ExtractError, match="verify-full"):
        read_settings(sources)


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(ExtractError) as refused:
        read_settings(environ()).source("other")
    assert refused.value.code == "unknown_source"
    assert "shop" in refused.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {"LANDING_BUCKET": ""},
        {"SIGNING_KEY": ""},
        {"SIGNING_KEY": "x" * 31},
        {"AWS_LAMBDA_FUNCTION_NAME": ""},
        {"EXTRACT_BUDGET_SECONDS": "soon"},
        {"EXTRACT_BUDGET_SECONDS": "0"},
        {"WORKER_TIMEOUT_SECONDS": "901"},
        {"SOURCES": "{"},
        {"SOURCES": "[]"},
        {"SOURCES": json.dumps({"shop": {"host": "db"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"passwort": "x"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"port": "x"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"port": 70000}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"sslmode": "verify_full"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"tables": "public.*"}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"tables": ["orders"]}})},
        {"SOURCES": json.dumps({"shop": SHOP | {"credentials": {"kind": "magic"}}})},
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, str]) -> None:
    with pytest.raises(ExtractError) as refused:
        read_settings(environ(**changes))
    assert refused.value.code == "bad_request"
    assert next(iter(changes)) in refused.value.message


@pytest.mark.parametrize(
    ("tables", "schema", "relation", "allowed"),
    [
        (None, "any", "thing", True),
        ([], "public", "orders", False),
        (["public.orders"], "public", "orders", True),
        (["public.orders"], "public", "orders2", False),
        (["public.orders"], "PUBLIC", "orders", False),
        (["public.o*"], "public", "orders", True),
        (["public.*"], "public", "any thing", True),
        (["public.*"], "private", "orders", False),
        (["*.orders"], "private", "orders", True),
        # A dot inside of a name must not move the border between the two.
        (["public.*"], "public.x", "orders", False),
        (["public.*"], "public", "x.orders", False),
        (["public.x*"], "public.xy", "z", False),
    ],
)
def test_an_allow_list_decides_which_tables_are_read(
    tables: list[str] | None, schema: str, relation: str, allowed: bool
) -> None:
    shop = SHOP | ({} if tables is None else {"tables": tables})
    settings = read_settings(environ(SOURCES=json.dumps({"shop": shop})))
    if allowed:
        settings.source("shop").check_allowed(schema, relation)
        return
    with pytest.raises(ExtractError) as refused:
        settings.source("shop").check_allowed(schema, relation)
    assert refused.value.code == "table_not_allowed"


def test_every_code_has_a_hint() -> None:
    assert all(code.hint.endswith(".") for code in CODES.values())


def test_another_function_may_be_the_worker() -> None:
    """A7; without the variable the function invokes itself."""
    assert read_settings(environ()).function_name == "f"
    settings = read_settings(environ(WORKER_FUNCTION="aurora-sync-worker"))
    assert settings.function_name == "aurora-sync-worker"


def test_whom_and_what_a_source_trusts_is_read() -> None:
    rules = [{"table": "public.*", "column": "*mail*", "protect": "hash"}]
    shop = SHOP | {"owners": ["app"], "required_protection": rules}
    source = read_settings(environ(SOURCES=json.dumps({"shop": shop}))).source("shop")
    assert source.owners == ("app",)
    assert source.required_protection == (Protection("public.*", "*mail*", "hash"),)
    assert read_settings(environ()).source("shop").owners == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"owners": "app"},
        {"owners": [1]},
        {"required_protection": {}},
        {"required_protection": [{"table": "public.t", "column": "c"}]},
        {"required_protection": [{"table": "t", "column": "c", "protect": "hash"}]},
        {"required_protection": [{"table": "a.t", "column": "c", "protect": "Hash"}]},
        {"required_protection": [{"table": "a.t", "column": "", "protect": "hash"}]},
        {"required_protection": [{"table": "a.t", "columns": "c", "protect": "hash"}]},
    ],
)
def test_a_misspelled_rule_protects_nothing_in_silence(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=next(iter(wrong))):
        read_settings(environ(SOURCES=json.dumps({"shop": SHOP | wrong})))


READER = {"host": "replica"}


def test_a_reader_has_defaults() -> None:
    sources = json.dumps({"shop": {**SHOP, "reader": READER}})
    source = read_settings(environ(SOURCES=sources)).source("shop")
    assert source.reader == Reader("replica", 5432, 30.0, "writer")
    assert (source.replica.host, source.replica.dbname) == ("replica", "shop")
    assert read_settings(environ()).source("shop").reader is None


def test_a_reader_is_read() -> None:
    told = {"reader_wait_seconds": 0, "reader_behind": "fail"}
    reader = {**READER, "port": 6432}
    sources = json.dumps({"shop": {**SHOP, "reader": reader, **told}})
    source = read_settings(environ(SOURCES=sources)).source("shop")
    assert source.reader == Reader("replica", 6432, 0.0, "fail")


@pytest.mark.parametrize("seconds", [0, 0.5, 200])
def test_a_reader_is_waited_for_up_to_200_seconds(seconds: float) -> None:
    told = {"reader": READER, "reader_wait_seconds": seconds}
    sources = json.dumps({"shop": SHOP | told})
    reader = read_settings(environ(SOURCES=sources)).source("shop").reader
    assert reader == Reader("replica", 5432, float(seconds), "writer")


@pytest.mark.parametrize(
    "wrong",
    [
        {"reader": "replica"},
        {"reader": {"port": 1}},
        {"reader": {"host": "r", "user": "u"}},
        {"reader": {"host": "r", "port": 0}},
        {"reader": {"host": "r", "port": "x"}},
        {"reader": READER, "reader_behind": "wait"},
        {"reader": READER, "reader_wait_seconds": -1},
        {"reader": READER, "reader_wait_seconds": 200.5},
        {"reader": READER, "reader_wait_seconds": True},
        {"reader": READER, "reader_wait_seconds": "30"},
        {"reader_wait_seconds": 30},
        {"reader_behind": "fail"},
    ],
)
def test_a_wrong_reader_is_refused(wrong: dict[str, Any]) -> None:
    sources = json.dumps({"shop": SHOP | wrong})
    with pytest.raises(RequestError) as refused:
        read_settings(environ(SOURCES=sources))
    assert refused.value.code == "bad_request"


SECRET = {"kind": "environment"}


def test_a_log_has_a_login_and_a_slot() -> None:
    log = {"credentials": SECRET, "drop_retained_gigabytes": 1.5}
    sources = json.dumps({"shop-1": {**SHOP, "log": log}})
    source = read_settings(environ(SOURCES=sources)).source("shop-1")
    assert source.log_credentials == SECRET
    assert (source.log_slot, source.log_drop_bytes) == (
        "aurora_sync_shop_1",
        1_500_000_000,
    )
    assert source.log_slot == log_rules.default_name("shop-1")
    named = json.dumps({"shop": {**SHOP, "log": {"credentials": SECRET, "slot": "s"}}})
    source = read_settings(environ(SOURCES=named)).source("shop")
    assert (source.log_slot, source.log_drop_bytes) == ("s", None)


def test_the_slot_of_a_long_name_is_one_that_postgresql_takes() -> None:
    """63 characters: the same ones that Snowflake's side asks for."""
    for letters in (50, 51, 52, 80):
        name = "s" * letters
        sources = json.dumps({name: {**SHOP, "log": {"credentials": SECRET}}})
        slot = read_settings(environ(SOURCES=sources)).source(name).log_slot
        assert slot == "aurora_sync_" + "s" * min(letters, 51)
        assert slot == log_rules.default_name(name)


@pytest.mark.parametrize(
    "log",
    [
        "log",
        {},
        {"credentials": {"kind": "paper"}},
        {"credentials": SECRET, "slots": "s"},
        {"credentials": SECRET, "slot": 1},
        {"credentials": SECRET, "drop_retained_gigabytes": 0},
        {"credentials": SECRET, "drop_retained_gigabytes": True},
        {"credentials": SECRET, "drop_retained_gigabytes": "9"},
    ],
)
def test_a_wrong_log_is_refused(log: Any) -> None:
    sources = json.dumps({"shop": {**SHOP, "log": log}})
    with pytest.raises(RequestError) as refused:
        read_settings(environ(SOURCES=sources))
    assert refused.value.code == "bad_request"


def test_metrics_are_told_apart_by_source_unless_asked() -> None:
    assert read_settings(environ()).metrics == "source"
    assert read_settings(environ(METRICS="table")).metrics == "table"
    with pytest.raises(RequestError, match="METRICS is none of none, source, table"):
        read_settings(environ(METRICS="rows"))
