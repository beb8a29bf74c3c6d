"""Logins, leases and refusals of Vault, over HTTPS, and nothing secret told."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from lambda_extract.credentials import secrets, vault
from lambda_extract.errors import ExtractError
from lambda_extract.settings import Source
from tests.certificates import Authority
from tests.vault_server import (
    SECRET_ID,
    SERVER_ID,
    Fault,
    Vault,
    drip,
    hang_up,
    running_vault,
    silence,
    status,
)

SECRETS = {"username": "u", "password": "password-hidden", "hash_key": "hidden" * 6}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def running(authority: Authority) -> Iterator[Vault]:
    with running_vault(authority.issue("127.0.0.1")) as server:
        yield server


@pytest.fixture
def server(running: Vault, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    running.secrets = {"aurora/shop": SECRETS, "aurora/deleted": None}
    running.token_seconds = running.lease_seconds = 3600
    running.fail()
    running.requests.clear()
    secrets.forget(source())
    yield running
    secrets.forget(source())


def source(credentials: dict[str, Any] | None = None) -> Source:
    return Source("shop", "db", "shop", credentials or {})


def read(options: dict[str, Any], pauses: list[float] | None = None) -> vault.Answer:
    waited = [] if pauses is None else pauses
    return vault.read("shop", options, pause=waited.append)


def refused(options: dict[str, Any]) -> ExtractError:
    with pytest.raises(ExtractError) as caught:
        read(options)
    error = caught.value
    # Neither in its text nor in anything that a traceback of it would print.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    for text in (str(error), error.message, error.hint):
        assert "hidden" not in text and "hvs." not in text
    return error


def test_a_secret_by_approle(server: Vault, authority: Authority) -> None:
    answer = read(server.options(authority.ca))
    assert dict(answer.fields) == SECRETS
    assert answer.lease_seconds is None
    assert "hidden" not in repr(answer)


@pytest.mark.parametrize("region", ["", "eu-central-1"])
def test_a_secret_by_the_functions_own_role(
    server: Vault, authority: Authority, region: str
) -> None:
    login = {"method": "aws_iam", "role": "r", "header_value": SERVER_ID}
    options = server.options(authority.ca, login=login | {"sts_region": region})
    assert read(options).fields["username"] == "u"
    wrong = login | {"header_value": "another.example"}
    error = refused(server.options(authority.ca, login=wrong))
    assert (error.code, error.retryable) == ("credentials_denied", False)


def signature(secret: str, headers: dict[str, str], body: str, region: str) -> str:
    """AWS Signature Version 4 of a POST to / as STS computes it again."""
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0]
    by_name = {name.lower(): value for name, value in headers.items()}
    lines = [f"{name}:{by_name[name]}" for name in signed.split(";")]
    digest = hashlib.sha256(body.encode()).hexdigest()
    request = "\n".join(["POST", "/", "", *lines, "", signed, digest])
    moment = headers["X-Amz-Date"]
    scope = [moment[:8], region, "sts", "aws4_request"]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", moment, "/".join(scope), digest])
    key = f"AWS4{secret}".encode()
    for part in (*scope, text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


@pytest.mark.parametrize("region", ["", "eu-central-1"])
def test_the_signed_identity_is_one_that_sts_accepts(
    monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key-of-the-function")
    login = {"header_value": SERVER_ID, "sts_region": region}
    sent = vault._signed_identity("shop", login)
    assert sent.pop("iam_http_request_method") == "POST"
    url, body, headers = (
        base64.b64decode(sent.pop(f"iam_request_{part}")).decode()
        for part in ("url", "body", "headers")
    )
    host = f"sts.{region}.amazonaws.com" if region else "sts.amazonaws.com"
    assert (url, sent) == (f"https://{host}/", {})
    named = json.loads(headers)
    expected = signature(
        "secret-key-of-the-function", named, body, region or "us-east-1"
    )
    assert named["Authorization"].endswith(f", Signature={expected}")


def test_another_namespace_is_denied(server: Vault, authority: Authority) -> None:
    error = refused(server.options(authority.ca, namespace="other"))
    assert error.code == "credentials_denied"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"login": {"method": "approle", "role_id": "x"}}, "credentials_denied"),
        ({"path": "forbidden/x"}, "credentials_denied"),
        ({"path": "aurora/none"}, "secret_not_found"),
        ({"path": "aurora/deleted"}, "secret_not_found"),
        ({"engine": "database", "role": "none"}, "secret_not_found"),
        ({"login": {"method": "magic"}}, "credentials_unavailable"),
        ({"url": "http://127.0.0.1:1"}, "credentials_unavailable"),
        ({"path": ""}, "credentials_unavailable"),
    ],
)
def test_what_will_not_help_by_itself_is_asked_once(
    server: Vault, authority: Authority, changes: dict[str, Any], code: str
) -> None:
    assert refused(server.options(authority.ca, **changes)).code == code
    assert len(server.requests) <= 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:1", "HTTPS"])
def test_vault_is_never_spoken_to_in_the_clear(
    server: Vault, authority: Authority, url: str
) -> None:
    pauses: list[float] = []
    with pytest.raises(ExtractError) as caught:
        read(server.options(authority.ca, url=url), pauses)
    # The setting is wrong: no attempt was made, nor another one.
    assert pauses == []
    assert caught.value.code == "credentials_unavailable"
    assert caught.value.message == (
        "Vault did not give the credentials of source 'shop': the setting"
        " credentials.url does not begin with https://."
    )
    assert caught.value.hint == "Vault is spoken to over TLS alone."


def test_three_seconds_to_connect_and_five_for_the_next_byte(
    server: Vault, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Vault that is not there is found out sooner than one that is slow."""
    limits: list[Any] = []

    def send(*_: Any, timeout: Any, **__: Any) -> None:
        limits.append(timeout)
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    assert "timed out" in refused(server.options(authority.ca)).message
    assert limits == [(3.0, 5.0)] * 3


@pytest.mark.parametrize(
    "fault", [status(429), status(412), status(500), status(502), hang_up]
)
def test_what_passes_is_asked_again(
    server: Vault, authority: Authority, fault: Fault
) -> None:
    pauses: list[float] = []
    server.fail(fault, fault, None, fault)
    assert read(server.options(authority.ca), pauses).fields["username"] == "u"
    assert pauses == [*vault.PAUSES, vault.PAUSES[0]]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (status(503, {"errors": ["Vault is sealed"]}), "vault_sealed"),
        (status(501), "vault_sealed"),
        (status(429), "credentials_unavailable"),
        (hang_up, "credentials_unavailable"),
    ],
)
def test_three_attempts_are_the_end(
    server: Vault, authority: Authority, fault: Fault, code: str
) -> None:
    server.fail(fault, fault, fault, None)
    error = refused(server.options(authority.ca))
    assert (error.code, error.retryable) == (code, True)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "fault",
    [
        status(200, b"<html>hidden</html>"),
        status(200, {"auth": None}),
        status(200, ["hidden"]),
        status(200, {"auth": {"client_token": "x", "lease_duration": "soon"}}),
        status(204, b""),
        status(200, b"\xff\xfe hidden"),
    ],
)
def test_an_answer_that_is_not_vaults_is_refused(
    server: Vault, authority: Authority, fault: Fault
) -> None:
    server.fail(fault)
    error = refused(server.options(authority.ca))
    assert error.code in ("credentials_unavailable", "credentials_denied")


@pytest.mark.parametrize("code", [301, 307, 308])
def test_a_token_never_follows_a_redirect(
    server: Vault, authority: Authority, code: int
) -> None:
    elsewhere = f"{server.url}/v1/elsewhere"
    server.fail(None, status(code, {}, Location=elsewhere))
    error = refused(server.options(authority.ca))
    assert "redirected" in error.message
    assert not any("elsewhere" in request for request in server.requests)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (299, "has not Vault's shape"),
        (300, "redirected"),
        (399, "redirected"),
        (400, "there is nothing where the secret is looked for"),
    ],
)
def test_statuses_from_300_to_399_are_redirects(
    server: Vault, authority: Authority, code: int, told: str
) -> None:
    server.fail(None, status(code))
    assert told in refused(server.options(authority.ca)).message


def test_a_connection_that_was_redirected_is_closed_unread() -> None:
    done: list[str] = []
    response = SimpleNamespace(
        status_code=307,
        close=lambda: done.append("closed"),
        raw=SimpleNamespace(read1=lambda *_, **__: done.append("read")),
    )
    with pytest.raises(vault._Redirected):
        vault._check_answer(response)
    assert done == ["closed"]


@pytest.mark.parametrize("fault", [silence(5), drip])
def test_a_slow_answer_is_given_up(
    server: Vault,
    authority: Authority,
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vault, "READ_SECONDS", 0.3)
    monkeypatch.setattr(vault, "ANSWER_SECONDS", 0.5)
    server.fail(fault, fault, fault)
    error = refused(server.options(authority.ca))
    assert (error.code, error.retryable) == ("credentials_unavailable", True)
    assert len(server.requests) == 3


def test_a_huge_answer_is_not_read_to_its_end(
    server: Vault, authority: Authority
) -> None:
    huge = status(200, b" " * (vault.MAX_ANSWER_BYTES + 8192))
    server.fail(huge, huge, huge)
    assert "too slowly" in refused(server.options(authority.ca)).message


def test_an_answer_may_have_a_mebibyte(server: Vault, authority: Authority) -> None:
    """Far more than any secret needs; a larger one is not read."""
    text = json.dumps({"data": {"data": SECRETS, "metadata": {}}}).encode()
    server.fail(None, status(200, text.ljust(1 << 20)))
    assert dict(read(server.options(authority.ca)).fields) == SECRETS
    more = status(200, text.ljust((1 << 20) + 1))
    server.fail(None, more, more, more)
    assert "too slowly" in refused(server.options(authority.ca)).message


def test_a_token_that_ends_in_the_middle_is_denied(
    server: Vault, authority: Authority
) -> None:
    server.token_seconds = -1
    error = refused(server.options(authority.ca))
    assert error.code == "credentials_denied"


@pytest.mark.parametrize("wrong", ["authority", "host", "expired"])
def test_another_servers_certificate_is_refused(
    authority: Authority, tmp_path: Path, wrong: str
) -> None:
    trusted = Authority(tmp_path / "other").ca if wrong == "authority" else authority.ca
    host = "vault.example" if wrong == "host" else "127.0.0.1"
    with running_vault(authority.issue(host, expired=wrong == "expired")) as other:
        error = refused(other.options(trusted))
        # Nothing was said to it, the secret id least of all.
        assert other.requests == []
    assert "certificate" in error.message


def test_a_missing_ca_bundle_is_told(server: Vault, tmp_path: Path) -> None:
    error = refused(server.options(tmp_path / "none.pem"))
    assert error.code == "credentials_unavailable"


def test_a_lease_is_no_longer_than_its_token(
    server: Vault, authority: Authority
) -> None:
    options = server.options(authority.ca, engine="database", role="reader")
    assert read(options).lease_seconds == pytest.approx(3600, abs=60)
    server.token_seconds = 600
    assert 500 < (read(options).lease_seconds or 0) <= 600


def test_the_hash_key_of_a_leased_login_is_in_a_secret(
    server: Vault, authority: Authority
) -> None:
    options = server.options(authority.ca, engine="database", role="reader")
    options["hash_key_path"] = "aurora/shop"
    shop = source(options)
    assert secrets.hash_key(shop) == SECRETS["hash_key"]
    # Of that secret the key alone: its login is another one.
    assert secrets.read(shop).user.startswith("v-")
    assert secrets.read(shop).password == "password-hidden"
    assert secrets.read(shop).lease_seconds is not None


def test_a_hash_key_path_wins_over_the_secret_of_the_login(
    server: Vault, authority: Authority
) -> None:
    server.secrets["aurora/key"] = {"hash_key": "hidden-own" * 4, "username": "x"}
    shop = source(server.options(authority.ca, hash_key_path="aurora/key"))
    assert secrets.hash_key(shop) == "hidden-own" * 4
    assert secrets.read(shop).user == "u"
    secrets.forget(shop)
    server.secrets["aurora/key"] = {"key": "hidden-own" * 4}
    with pytest.raises(ExtractError) as refused:
        secrets.hash_key(source(server.options(authority.ca, hash_key_path="none")))
    assert refused.value.code == "secret_not_found"


def test_a_login_is_kept_well_within_its_lease(
    server: Vault, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(secrets.time, "monotonic", lambda: now[0])
    options = server.options(authority.ca, engine="database", role="reader")
    shop = source(options)
    server.token_seconds = 10**9
    server.lease_seconds = 900
    first = secrets.read(shop, needed_seconds=240)
    now[0] += 599
    assert secrets.read(shop, needed_seconds=240) == first
    now[0] += 2
    second = secrets.read(shop, needed_seconds=240)
    assert second.user != first.user
    # An extraction of 800 s would not end within the 900 s after a while.
    secrets.forget(shop)
    third = secrets.read(shop, needed_seconds=800)
    now[0] += 101
    assert secrets.read(shop, needed_seconds=800).user != third.user


def test_nothing_secret_is_logged(
    server: Vault,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.lease_seconds = 5
    options = server.options(authority.ca, engine="database", role="reader")
    secrets.read(source(options), needed_seconds=240)
    server.fail(None, status(403))
    refused(server.options(authority.ca))
    told = caplog.text + "".join(capsys.readouterr())
    assert "lease_short" in told
    assert "hidden" not in told and "hvs." not in told
