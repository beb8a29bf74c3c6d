"""PostgreSQL over TLS with sslmode verify-full, and logins that Vault leases."""

import contextlib
import json
import time
import uuid
from pathlib import Path

import pytest
from psycopg2 import sql

from lambda_extract.credentials import secrets
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import ExtractError
from lambda_extract.operations import connect
from lambda_extract.settings import RDS_CA, Settings, Source, read_settings
from lambda_extract.source.database import connected
from local.aurora import Aurora
from tests.certificates import Authority
from tests.tls_front import tls_front
from tests.vault_server import SECRET_ID, running_vault

from tests.unit.lambda_extract.conftest import READER


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def source(port: int, ca: Path, host: str = "localhost") -> Source:
    return Source("shop", host, "shop", {}, port, "verify-full", str(ca))


def ask(shop: Source) -> object:
    with connected(
        shop,
        Credentials(READER, ""),
        application_name="aurora_sync:test",
        budget_seconds=30,
    ) as database:
        (user,) = database.row(sql.SQL("SELECT session_user::text"))
        return user


def test_the_servers_certificate_is_verified_in_full(
    aurora: Aurora, authority: Authority, tmp_path: Path
) -> None:
    with tls_front(aurora.port, authority.issue("localhost")) as port:
        assert ask(source(port, authority.ca)) == READER
        for wrong, hint in (
            (source(port, Authority(tmp_path / "other").ca), "--rds-ca"),
            (source(port, authority.ca, host="127.0.0.1"), "set host of the source"),
            (source(port, tmp_path / "none.pem"), "correct its path"),
            # The certificates of RDS, which did not sign this server's.
            (source(port, RDS_CA), "--rds-ca"),
        ):
            with pytest.raises(ExtractError) as refused:
                ask(wrong)
            assert refused.value.code == "source_unreachable"
            assert "TLS" in refused.value.message
            assert hint in refused.value.hint


def test_a_source_without_settings_trusts_the_packaged_certificates(
    aurora: Aurora,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of many in the file, as in Amazon's; and nothing else is said about TLS."""
    bundle = tmp_path / "rds_ca.pem"
    bundle.write_bytes(RDS_CA.read_bytes() + authority.ca.read_bytes())
    monkeypatch.setattr("lambda_extract.settings.RDS_CA", bundle)
    with tls_front(aurora.port, authority.issue("localhost")) as port:
        kind = {"kind": "environment"}
        place = {"host": "localhost", "port": port, "dbname": "shop"}
        environ = {
            "LANDING_BUCKET": "b",
            "SIGNING_KEY": "a signing key that is long enough for it",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "SOURCES": json.dumps({"shop": place | {"credentials": kind}}),
        }
        assert ask(read_settings(environ).source("shop")) == READER


def test_an_expired_certificate_is_refused(
    aurora: Aurora, authority: Authority
) -> None:
    files = authority.issue("localhost", expired=True)
    with tls_front(aurora.port, files) as port:
        with pytest.raises(ExtractError) as refused:
            ask(source(port, authority.ca))
    assert "TLS" in refused.value.message


def test_a_server_without_tls_is_refused(aurora: Aurora, authority: Authority) -> None:
    with pytest.raises(ExtractError) as refused:
        ask(source(aurora.port, authority.ca))
    assert "TLS" in refused.value.message


def test_a_leased_login_that_was_revoked_is_replaced_once(
    aurora: Aurora, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    made: list[str] = []

    def make_login(seconds: int) -> tuple[str, str]:
        made.append(f"v_{uuid.uuid4().hex[:8]}")
        with contextlib.closing(aurora.connect("shop")) as owner:
            owner.cursor().execute(f"CREATE ROLE {made[-1]} LOGIN IN ROLE {READER}")
        return made[-1], "password-hidden"

    def who() -> str:
        deadline = time.monotonic() + 60
        with connect.connect(
            "shop", "aurora_sync:test", settings, deadline=deadline
        ) as database:
            (name,) = database.row(sql.SQL("SELECT session_user::text"))
            return str(name)

    with running_vault(authority.issue("127.0.0.1")) as vault:
        vault.make_login = make_login
        options = vault.options(authority.ca, engine="database", role="reader")
        shop = Source("shop", "127.0.0.1", "shop", options, aurora.port, "disable")
        settings = Settings({"shop": shop}, "b", "", "f", "s" * 32)
        secrets.forget(shop)
        try:
            assert who() == who() == made[0]
            with contextlib.closing(aurora.connect("shop")) as owner:
                owner.cursor().execute(f"DROP ROLE {made[0]}")
            assert who() == made[1]
            # A lease shorter than an extraction is used once and not kept.
            secrets.forget(shop)
            vault.lease_seconds = 2
            assert who() == made[2]
            assert who() == made[3]
        finally:
            secrets.forget(shop)
    assert len(made) == 4
