"""An attacker between the worker and Aurora or Vault: sees no secret, whatever is said.

Each attacker listens on a real port, answers as it likes and keeps every octet that it
could read. The clients are libpq and hvac as the worker uses them.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lambda_extract.credentials import vault
from lambda_extract.credentials.secrets import Credentials
from lambda_extract.errors import ExtractError
from lambda_extract.operations import connect
from lambda_extract.settings import Settings, Source, read_settings
from lambda_extract.source.database import connected
from lambda_extract.values import protect
from tests.certificates import Authority, Files

PASSWORD = "Planted-Pass-word-1"  # noqa: S105
SECRET_ID = "Planted-Secret-id-2"  # noqa: S105
SSL_REQUEST = struct.pack("!II", 8, 80877103)
ASKS_FOR_THE_PASSWORD = b"R" + struct.pack("!II", 8, 3)
SECONDS, EARLY_SECONDS = 3.0, 0.5


@dataclass
class Attacker:
    """Listens, and keeps what it could read."""

    answer: Callable[["Attacker", socket.socket], None]
    heard: bytearray = field(default_factory=bytearray)

    @contextlib.contextmanager
    def listening(self) -> Iterator[int]:
        listener = socket.create_server(("127.0.0.1", 0))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    client.settimeout(SECONDS)
                    with contextlib.suppress(OSError), client:
                        self.answer(self, client)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()

    def listen(self, client: socket.socket) -> None:
        while data := client.recv(65536):
            self.heard += data


def plain_postgres(attacker: Attacker, client: socket.socket) -> None:
    """No TLS here, says the server, and your password, please."""
    attacker.heard += client.recv(8, socket.MSG_WAITALL)
    client.sendall(b"N")
    attacker.heard += client.recv(65536)
    client.sendall(ASKS_FOR_THE_PASSWORD)
    attacker.listen(client)


def impatient_postgres(attacker: Attacker, client: socket.socket) -> None:
    """Asks for the password instead of an answer about TLS."""
    client.sendall(ASKS_FOR_THE_PASSWORD)
    attacker.listen(client)


def early_postgres(attacker: Attacker, client: socket.socket) -> None:
    """Says yes, and puts plain octets before the handshake (CVE-2021-23222)."""
    attacker.heard += client.recv(8, socket.MSG_WAITALL)
    client.sendall(b"S" + ASKS_FOR_THE_PASSWORD)
    # libpq says nothing more, and hangs up late.
    client.settimeout(EARLY_SECONDS)
    attacker.listen(client)


def with_certificate(files: Files, *, postgres: bool) -> Any:
    """Makes the handshake with a certificate of its own, and reads on."""

    def answer(attacker: Attacker, client: socket.socket) -> None:
        if postgres:
            attacker.heard += client.recv(8, socket.MSG_WAITALL)
            client.sendall(b"S")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        with context.wrap_socket(client, server_side=True) as secure:
            attacker.heard += secure.recv(65536)
            if postgres:
                secure.sendall(ASKS_FOR_THE_PASSWORD)
            # The next words are the answer, or nobody trusts this server.
            attacker.heard += secure.recv(65536)

    return answer


def plain_http(attacker: Attacker, client: socket.socket) -> None:
    attacker.heard += client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    attacker.listen(client)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def log_in(port: int, ca: Path) -> ExtractError:
    shop = Source("shop", "localhost", "shop", {}, port, "verify-full", str(ca))
    with pytest.raises(ExtractError) as refused:
        with connected(
            shop,
            Credentials("reader", PASSWORD),
            application_name="aurora_sync:test",
            budget_seconds=5,
        ):
            raise AssertionError("connected to an attacker")
    return refused.value


@pytest.mark.parametrize("answer", [plain_postgres, impatient_postgres, early_postgres])
def test_postgres_a_downgrade_to_plain_gets_no_password(
    authority: Authority, answer: Any
) -> None:
    attacker = Attacker(answer)
    with attacker.listening() as port:
        error = log_in(port, authority.ca)
    assert error.code == "source_unreachable"
    assert attacker.heard[:8] == SSL_REQUEST and b"reader" not in attacker.heard
    assert PASSWORD.encode() not in attacker.heard and PASSWORD not in str(error)


@pytest.mark.parametrize("wrong", ["authority", "name", "expired"])
def test_postgres_another_certificate_gets_no_password(
    authority: Authority, tmp_path: Path, wrong: str
) -> None:
    other = Authority(tmp_path / "other") if wrong == "authority" else authority
    host = "db.attacker.example" if wrong == "name" else "localhost"
    files = other.issue(host, expired=wrong == "expired")
    attacker = Attacker(with_certificate(files, postgres=True))
    with attacker.listening() as port:
        error = log_in(port, authority.ca)
    assert error.code == "source_unreachable" and "TLS" in error.message
    assert PASSWORD.encode() not in attacker.heard
    assert b"reader" not in attacker.heard


# --- each login that the worker makes, as it makes it ---------------------------------


def settings_of(port: int, ca: Path) -> Settings:
    """A source whose writer, replica and log are all the attacker's port."""
    source = {
        "host": "localhost",
        "port": port,
        "dbname": "shop",
        "sslrootcert": str(ca),
        "credentials": {"kind": "environment"},
        "reader": {"host": "localhost", "port": port},
        "log": {
            "credentials": {
                "kind": "environment",
                "user_variable": "LOG_USER",
                "password_variable": "LOG_PASSWORD",
            }
        },
    }
    return read_settings(
        {
            "LANDING_BUCKET": "b",
            "SIGNING_KEY": "s" * 32,
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "SOURCES": json.dumps({"shop": source}),
        }
    )


def log_in_as(role: str, settings: Settings) -> ExtractError:
    """Makes the login of the writer with the hash key, of the replica, of the log."""
    deadline = time.monotonic() + 20
    login: Any = connect.connect("shop", "a:b", settings, deadline=deadline)
    if role == "hashing":
        login = connect.connect("shop", "a:b", settings, deadline=deadline, hashes=True)
    if role == "replica":
        login = connect.connect_reader(
            settings.source("shop"), "a:b", deadline=deadline
        )
    if role == "log":
        login = connect.connect("shop", "a:b", settings, deadline=deadline, log=True)
    with pytest.raises(ExtractError) as refused, login:
        raise AssertionError("connected to an attacker")
    return refused.value


SECRETS = {
    "SOURCE_SHOP_USER": "reader",
    "SOURCE_SHOP_PASSWORD": PASSWORD,
    "SOURCE_SHOP_HASH_KEY": "Planted-Hash-key-3-Planted-Hash-key-3",
    "LOG_USER": "log_reader",
    "LOG_PASSWORD": "Planted-Log-pass-word-4",
}


@pytest.mark.parametrize("role", ["writer", "hashing", "replica", "log"])
@pytest.mark.parametrize("wrong", ["authority", "name", "plain", "impatient", "early"])
def test_every_login_gives_nothing_to_an_attacker(
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    wrong: str,
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    other = Authority(tmp_path / "other") if wrong == "authority" else authority
    host = "db.attacker.example" if wrong == "name" else "localhost"
    answers: dict[str, Any] = {
        "plain": plain_postgres,
        "impatient": impatient_postgres,
        "early": early_postgres,
    }
    with_tls = with_certificate(other.issue(host), postgres=True)
    attacker = Attacker(answers.get(wrong, with_tls))
    with attacker.listening() as port:
        error = log_in_as(role, settings_of(port, authority.ca))
    assert error.code == "source_unreachable"
    keys = protect.session_settings(SECRETS["SOURCE_SHOP_HASH_KEY"])
    for secret in (*SECRETS.values(), *keys, *keys.values()):
        assert secret.encode() not in attacker.heard and secret not in str(error)


@pytest.mark.parametrize("role", ["writer", "hashing", "replica", "log"])
def test_every_login_is_heard_by_who_has_the_right_certificate(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """So what the attackers above did not hear would have been sent."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    files = authority.issue("localhost")
    attacker = Attacker(with_certificate(files, postgres=True))
    with attacker.listening() as port:
        log_in_as(role, settings_of(port, authority.ca))
    password = "LOG_PASSWORD" if role == "log" else "SOURCE_SHOP_PASSWORD"
    assert SECRETS[password].encode() in attacker.heard
    keys = protect.session_settings(SECRETS["SOURCE_SHOP_HASH_KEY"])
    for key in keys.values():
        assert (key.encode() in attacker.heard) == (role == "hashing")


def test_an_attacker_with_the_right_certificate_would_be_heard(
    authority: Authority,
) -> None:
    """The attackers above do read what is sent to them."""
    files = authority.issue("localhost")
    attacker = Attacker(with_certificate(files, postgres=True))
    with attacker.listening() as port:
        log_in(port, authority.ca)
    assert PASSWORD.encode() in attacker.heard


def read_vault(url: str, ca: Path, monkeypatch: pytest.MonkeyPatch) -> ExtractError:
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    options = {
        "kind": "vault",
        "url": url,
        "ca_bundle": str(ca),
        "path": "aurora/shop",
        "login": {
            "method": "approle",
            "role_id": "r",
            "secret_id_variable": "VAULT_SECRET_ID",
        },
    }
    with pytest.raises(ExtractError) as refused:
        vault.read("shop", options, pause=lambda seconds: None)
    return refused.value


@pytest.mark.parametrize("wrong", ["authority", "name", "expired", "plain", "http"])
def test_vault_nobody_else_gets_a_secret_id(
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    other = Authority(tmp_path / "other") if wrong == "authority" else authority
    host = "vault.attacker.example" if wrong == "name" else "127.0.0.1"
    files = other.issue(host, expired=wrong == "expired")
    plain = wrong in ("plain", "http")
    answer: Any = plain_http if plain else with_certificate(files, postgres=False)
    attacker = Attacker(answer)
    with attacker.listening() as port:
        scheme = "http" if wrong == "http" else "https"
        url = f"{scheme}://127.0.0.1:{port}"
        error = read_vault(url, authority.ca, monkeypatch)
    assert error.code == "credentials_unavailable"
    assert SECRET_ID.encode() not in attacker.heard and SECRET_ID not in str(error)
    assert b"role_id" not in attacker.heard
