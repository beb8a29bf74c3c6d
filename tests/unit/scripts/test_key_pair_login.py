"""Logins with a key pair: the real connector against a server that checks its token."""

import base64
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from scripts.snowflake_connection import (
    ConnectionSettingsError,
    connect,
    read_settings,
)

PASSPHRASE = "passphrase-hidden"
REFUSED = {
    "code": "394304",
    "message": "JWT token is invalid.",
    "success": False,
    "data": {},
}


class Snowflake(BaseHTTPRequestHandler):
    """The login of Snowflake's protocol, for one user with one public key."""

    protocol_version = "HTTP/1.1"
    public_key: rsa.RSAPublicKey
    logins: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Answers a login by its token; whatever else comes is fine."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        answer: dict[str, Any] = {"success": True, "data": {}, "code": None}
        if self.path.startswith("/session/v1/login-request"):
            data = json.loads(body)["data"]
            self.logins.append(data)
            answer = self._log_in(data)
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _log_in(self, data: dict[str, Any]) -> dict[str, Any]:
        """As documented (key-pair authentication, "Using the JWT")."""
        if data.get("AUTHENTICATOR") != "SNOWFLAKE_JWT":
            return REFUSED
        try:
            claims = jwt.decode(
                data["TOKEN"],
                self.public_key,
                algorithms=["RS256"],
                options={"require": ["iss", "sub", "iat", "exp"]},
            )
        except jwt.InvalidTokenError:
            return REFUSED
        der = self.public_key.public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        digest = base64.b64encode(hashlib.sha256(der).digest()).decode()
        expected = ("ORG-ACCOUNT.DEPLOYER", f"ORG-ACCOUNT.DEPLOYER.SHA256:{digest}")
        if (claims["sub"], claims["iss"]) != expected:
            return REFUSED
        if not 0 < claims["exp"] - claims["iat"] <= 3600:
            return REFUSED
        session = {
            "token": "t",
            "masterToken": "m",
            "parameters": [],
            "sessionInfo": {"roleName": "ACCOUNTADMIN"},
        }
        return {"success": True, "data": session, "code": None}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Prints nothing."""


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def server(key: rsa.RSAPrivateKey) -> Iterator[dict[str, str]]:
    """SNOWFLAKE_* variables that lead to the server."""
    kind = type("Bound", (Snowflake,), {"public_key": key.public_key(), "logins": []})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield {
        "SNOWFLAKE_ACCOUNT": "org-account",
        "SNOWFLAKE_USER": "deployer",
        "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": str(listening.server_address[1]),
        "SNOWFLAKE_PROTOCOL": "http",
    }
    listening.shutdown()
    listening.server_close()
    thread.join()


def written(folder: Path, key: rsa.RSAPrivateKey, passphrase: str = "") -> Path:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    file = folder / "key.p8"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )
    return file


def log_in(variables: dict[str, str], file: Path, **more: str) -> None:
    settings = read_settings(
        file=None,
        name=None,
        options={"private_key_file": str(file)},
        environment=variables | more,
    )
    connect(settings).close()


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_pair_is_a_login(
    server: dict[str, str], key: rsa.RSAPrivateKey, tmp_path: Path, passphrase: str
) -> None:
    more = {"SNOWFLAKE_PRIVATE_KEY_FILE_PWD": passphrase} if passphrase else {}
    log_in(server, written(tmp_path, key, passphrase), **more)


def test_another_users_key_is_refused(server: dict[str, str], tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(ConnectionSettingsError, match="cannot connect to Snowflake"):
        log_in(server, written(tmp_path, other))


def test_another_user_with_the_key_is_refused(
    server: dict[str, str], key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    with pytest.raises(ConnectionSettingsError, match="cannot connect to Snowflake"):
        log_in(server, written(tmp_path, key), SNOWFLAKE_USER="somebody")


@pytest.mark.parametrize("given", [None, "wrong-hidden"])
def test_a_missing_or_wrong_passphrase_is_told(
    server: dict[str, str], key: rsa.RSAPrivateKey, tmp_path: Path, given: str | None
) -> None:
    more = {"SNOWFLAKE_PRIVATE_KEY_FILE_PWD": given} if given else {}
    with pytest.raises(ConnectionSettingsError) as refused:
        log_in(server, written(tmp_path, key, PASSPHRASE), **more)
    assert "SNOWFLAKE_PRIVATE_KEY_FILE_PWD" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_file_that_is_no_key_is_told(server: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "key.p8"
    file.write_text("ssh-rsa AAAA")
    with pytest.raises(ConnectionSettingsError, match="key.p8"):
        log_in(server, file)
