"""Credentials from each place, cached, read again once, and never shown."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import responses
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from lambda_extract import contract
from lambda_extract.credentials import secrets
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import AuthenticationError, ExtractError
from lambda_extract.operations import connect, dispatch
from lambda_extract.settings import Settings, Source


def source(**credentials: Any) -> Source:
    return Source("shop", "db", "shop", credentials)


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    secrets.forget(source())
    yield
    secrets.forget(source())


def test_a_password_does_not_show() -> None:
    assert "hidden" not in repr(Credentials("user", "hidden"))


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", "u")
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "p")
    assert secrets.read(source(kind="environment")) == Credentials("u", "p")
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "rotated")
    assert secrets.read(source(kind="environment")).password == "p"
    secrets.forget(source())
    assert secrets.read(source(kind="environment")).password == "rotated"


def test_from_secrets_manager() -> None:
    with mock_aws():
        client = boto3.client("secretsmanager")
        text = json.dumps({"username": "u", "password": "p"})
        client.create_secret(Name="aurora", SecretString=text)
        read = secrets.read(source(kind="secrets_manager", secret_id="aurora"))
    assert read == Credentials("u", "p")


KEY = "k" * 32


def test_the_hash_key_stands_beside_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert KEY not in repr(Credentials("u", "p", KEY))
    with mock_aws():
        client = boto3.client("secretsmanager")
        fields = {"username": "u", "password": "p", "hash_key": KEY, "other": KEY + "2"}
        client.create_secret(Name="aurora", SecretString=json.dumps(fields))
        kept = {"kind": "secrets_manager", "secret_id": "aurora"}
        assert secrets.hash_key(source(**kept)) == KEY
        secrets.forget(source())
        assert secrets.hash_key(source(**kept, hash_key_field="other")) == KEY + "2"
    secrets.forget(source())
    monkeypatch.setenv("SOURCE_SHOP_USER", "u")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", KEY)
    assert secrets.hash_key(source(kind="environment")) == KEY


@pytest.mark.parametrize("kind", ["secrets_manager", "rds_iam"])
def test_a_rotated_login_has_its_hash_key_in_a_secret_of_its_own(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """RDS writes the secret of a login again; IAM has none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    settings = {"kind": kind, "user": "u", "secret_id": "aurora"}
    shop = source(**settings, hash_key_secret_id="hash")
    with mock_aws():
        client = boto3.client("secretsmanager")
        login = json.dumps({"username": "u", "password": "p"})
        client.create_secret(Name="aurora", SecretString=login)
        with pytest.raises(ExtractError) as refused:
            secrets.hash_key(shop)
        assert refused.value.code == "secret_not_found"
        client.create_secret(Name="hash", SecretString=json.dumps({"key": KEY}))
        with pytest.raises(ExtractError) as refused:
            secrets.hash_key(shop)
        assert "'hash_key'" in refused.value.message
        field = source(**settings, hash_key_secret_id="hash", hash_key_field="key")
        assert secrets.hash_key(field) == KEY
        assert secrets.read(field).user == "u"


def test_a_hash_key_that_was_added_since_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", "u")
    secrets.read(source(kind="environment"))
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", KEY)
    assert secrets.hash_key(source(kind="environment")) == KEY


def test_a_good_hash_key_is_kept_with_its_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody is asked twice: each question may cost a lease of a login."""
    monkeypatch.setenv("SOURCE_SHOP_USER", "u")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", KEY)
    assert secrets.hash_key(source(kind="environment")) == KEY
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", "n" * 32)
    assert secrets.hash_key(source(kind="environment")) == KEY


@pytest.mark.parametrize("key", ["", "hidden-and-too-short"])
def test_without_a_good_hash_key_nothing_is_hashed(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", "u")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", key)
    with pytest.raises(ExtractError) as refused:
        secrets.hash_key(source(kind="environment"))
    assert refused.value.code == "hash_key_missing"
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["not json: hidden", '["hidden"]', '{"password": "hidden"}']
)
def test_a_malformed_secret_is_refused_without_showing_it(text: str) -> None:
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="aurora", SecretString=text)
        with pytest.raises(ExtractError) as refused:
            secrets.read(source(kind="secrets_manager", secret_id="aurora"))
    assert refused.value.code == "credentials_unavailable"
    assert "hidden" not in refused.value.message


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, "username"),
        ({"username": 7, "password": 7}, "username"),
        ({"username": "u"}, "password"),
        ({"password": "hidden"}, "username"),
    ],
)
def test_the_first_field_that_a_secret_lacks_is_named(
    fields: dict[str, Any], missing: str
) -> None:
    with mock_aws():
        text = json.dumps(fields)
        boto3.client("secretsmanager").create_secret(Name="aurora", SecretString=text)
        with pytest.raises(ExtractError) as refused:
            secrets.read(source(kind="secrets_manager", secret_id="aurora"))
    assert refused.value.message == (
        "The credentials of source 'shop' could not be read: the secret has no text"
        f" field '{missing}'."
    )


def test_secrets_managers_refusal_is_told() -> None:
    with mock_aws(), pytest.raises(ExtractError) as refused:
        secrets.read(source(kind="secrets_manager", secret_id="none"))
    assert (refused.value.code, refused.value.retryable) == ("secret_not_found", False)


def test_a_login_by_rds_iam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", KEY)
    read = secrets.read(source(kind="rds_iam", user="reader"))
    assert read.user == "reader" and read.hash_key == KEY
    # A URL without its scheme, signed for exactly this user at this address.
    assert read.password.startswith("db:5432/?Action=connect&DBUser=reader&")
    assert "X-Amz-Signature=" in read.password
    assert read.lease_seconds == 900


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), ValueError("no region"), ClientError({}, "Sign")]
)
def test_a_login_by_rds_iam_that_cannot_be_signed_is_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Rds:
        def generate_db_auth_token(self, **_: object) -> str:
            raise error

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Rds())
    with pytest.raises(ExtractError) as failed:
        secrets.read(source(kind="rds_iam", user="reader"))
    assert f"no RDS token could be signed ({type(error).__name__})" in str(failed.value)
    assert failed.value.__cause__ is None


@pytest.mark.parametrize("sslmode", ["prefer", "require", "verify-ca"])
def test_a_login_by_rds_iam_never_travels_in_the_clear(sslmode: str) -> None:
    """Nor to a server that has not proven whose it is."""
    shop = Source("shop", "db", "shop", {"kind": "rds_iam", "user": "r"}, 5432, sslmode)
    with pytest.raises(ExtractError) as refused:
        secrets.read(shop)
    assert "sslmode" in refused.value.message


VAULT = "https://vault.example:8200"
APPROLE = {
    "kind": "vault",
    "url": VAULT,
    "path": "aurora/shop",
    "login": {"method": "approle", "role_id": "role"},
}


@responses.activate
def test_from_vault_by_approle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_SECRET_ID", "secret-id")
    responses.post(
        f"{VAULT}/v1/auth/approle/login", json={"auth": {"client_token": "token"}}
    )
    responses.get(
        f"{VAULT}/v1/secret/data/aurora/shop",
        json={"data": {"data": {"username": "u", "password": "p"}, "metadata": {}}},
    )
    assert secrets.read(source(**APPROLE)) == Credentials("u", "p")
    assert responses.calls[0].request.body is not None
    assert json.loads(responses.calls[0].request.body) == {
        "role_id": "role",
        "secret_id": "secret-id",
    }
    assert responses.calls[1].request.headers["X-Vault-Token"] == "token"


@responses.activate
def test_from_vault_by_the_functions_own_role() -> None:
    responses.post(
        f"{VAULT}/v1/auth/aws/login", json={"auth": {"client_token": "token"}}
    )
    responses.get(
        f"{VAULT}/v1/secret/data/aurora/shop",
        json={"data": {"data": {"username": "u", "password": "p"}, "metadata": {}}},
    )
    login = {"method": "aws_iam", "role": "aurora-sync"}
    assert secrets.read(source(**APPROLE | {"login": login})).user == "u"


@responses.activate
@pytest.mark.parametrize(
    ("status", "code"), [(400, "credentials_denied"), (403, "credentials_denied")]
)
def test_vaults_refusals_are_told_without_its_text(status: int, code: str) -> None:
    responses.post(
        f"{VAULT}/v1/auth/approle/login", json={"errors": ["hidden"]}, status=status
    )
    with pytest.raises(ExtractError) as refused:
        secrets.read(source(**APPROLE))
    assert refused.value.code == code
    assert "hidden" not in refused.value.message


@pytest.mark.parametrize(
    "credentials",
    [
        {"kind": "environment", "user_variable": "NOT_SET"},
        {"kind": "secrets_manager"},
        {"kind": "vault", "url": VAULT},
        {"kind": "vault", "url": VAULT, "path": "p", "login": {"method": "magic"}},
    ],
)
def test_missing_settings_are_named(credentials: dict[str, Any]) -> None:
    with pytest.raises(ExtractError) as refused:
        secrets.read(source(**credentials))
    assert refused.value.code == "credentials_unavailable"


@pytest.mark.parametrize(
    ("kind", "name"), [("secrets_manager", "secret_id"), ("rds_iam", "user")]
)
def test_a_missing_setting_is_named_with_its_source(kind: str, name: str) -> None:
    with pytest.raises(ExtractError) as refused:
        secrets.read(source(kind=kind))
    assert refused.value.message == (
        "The credentials of source 'shop' could not be read: the setting"
        f" credentials.{name} is missing."
    )


def test_a_rotated_password_is_read_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from contextlib import contextmanager

    tried: list[str] = []

    @contextmanager
    def connected(_: Source, credentials: Credentials, **options: Any) -> Iterator[str]:
        tried.append(credentials.password)
        if credentials.password != "new":
            raise AuthenticationError("source_authentication", "refused")
        yield "database"

    monkeypatch.setattr(connect, "connected", connected)
    monkeypatch.setenv("SOURCE_SHOP_USER", "u")
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "old")
    shop = source(kind="environment")
    settings = Settings({"shop": shop}, "bucket", "", "f", "s" * 32)
    deadline = time.monotonic() + 60
    secrets.read(shop)
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "new")
    with connect.connect("shop", "name", settings, deadline=deadline) as database:
        assert database == "database"
    assert tried == ["old", "new"]
    secrets.forget(shop)
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "wrong")
    with pytest.raises(AuthenticationError):
        with connect.connect("shop", "name", settings, deadline=deadline):
            pass
    # Fresh from its place: asking there again would not help.
    assert tried == ["old", "new", "wrong"]


def test_a_table_off_the_allow_list_costs_no_credential() -> None:
    kept = {"kind": "environment"}
    shop = Source("shop", "db", "shop", kept, tables=("public.orders",))
    settings = Settings({"shop": shop}, "bucket", "", "f", "s" * 32)
    table = contract.TableSpec("people", "shop", "public", "people")
    requests: tuple[contract.Request, ...] = (
        contract.PlanRequest("r", table),
        contract.KeysRequest("r", table, "p", contract.Partition("p")),
        contract.ExtractRequest("r", table, "p", partition=contract.Partition("p")),
    )
    for request in requests:
        with pytest.raises(ExtractError) as refused:
            dispatch.run_operation(request, settings=settings, s3=None)
        assert refused.value.code == "table_not_allowed"
    assert not secrets.is_cached(shop)
