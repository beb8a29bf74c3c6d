"""A small Vault over HTTPS, written from Vault's HTTP API documentation.

AppRole and AWS IAM logins with tokens that end, namespaces, KV version 2 with deleted
versions, and a database secrets engine whose leases end with their token. `fail` puts
misbehaviour in front of the next requests. AWS is not asked who signed: the signed
headers are checked for what Vault itself checks before it asks.

Compared with the documentation (api-docs: index, secret/databases, secret/kv/kv-v2,
auth/approle), not with a running Vault:

- errors are {"errors": [...]} for each status from 400 on: 400 malformed or unknown
  role, 403 wrong token or no policy, 404 nothing there, 412 a replica behind, 429 a
  quota, 500, 502 a third one (STS, the database) failed, 503 sealed or in maintenance;
- a lease has lease_id, lease_duration and renewable beside "data" with username and
  password, and its username begins with "v-";
- a deleted version of KV 2 is a 404 whose data.data is null, beside its metadata;
- a login has auth.client_token, auth.lease_duration and auth.renewable.

Not imitated: renewal and revocation of leases by the API (the function uses neither),
response wrapping, MFA, and policies beyond one forbidden path.
"""

import base64
import contextlib
import json
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.certificates import Files

ROLE_ID, SECRET_ID, SERVER_ID = "role-1", "secret-id-hidden", "vault.example"
DENIED = {"errors": ["permission denied"]}
Fault = Callable[["Request"], None]


@dataclass
class Vault:
    """What the server knows, and what it was asked.

    Attributes:
        ca: What a client must trust; set by who starts the server.
        make_login: Makes a database user for a lease; given its seconds.
        requests: "METHOD path" of each request, in order.
    """

    url: str = ""
    ca: Path = Path()
    namespace: str = "team"
    token_seconds: int = 3600
    lease_seconds: int = 3600
    secrets: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    make_login: Callable[[int], tuple[str, str]] = lambda seconds: (
        f"v-{uuid.uuid4().hex[:8]}",
        "password-hidden",
    )
    tokens: dict[str, float] = field(default_factory=dict)
    faults: list[Fault | None] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def fail(self, *faults: Fault | None) -> None:
        """Sets what happens to the next requests, one each; None: nothing special."""
        self.faults[:] = faults

    def options(self, ca: object, **changes: Any) -> dict[str, Any]:
        """Returns `credentials` of a source that logs in here by AppRole."""
        return {
            "kind": "vault",
            "url": self.url,
            "namespace": self.namespace,
            "ca_bundle": str(ca),
            "path": "aurora/shop",
            "login": {"method": "approle", "role_id": ROLE_ID},
        } | changes


class Request(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    vault: Vault

    def do_GET(self) -> None:
        """Answers a GET."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answers a POST, which is a login."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        self.vault.requests.append(f"{self.command} {self.path}")
        fault = self.vault.faults.pop(0) if self.vault.faults else None
        if fault is not None:
            fault(self)
        elif self.headers.get("X-Vault-Namespace", "").strip("/") != (
            self.vault.namespace
        ):
            self.reply(403, DENIED)
        elif self.command == "POST":
            self._log_in(json.loads(body))
        elif time.monotonic() > self.vault.tokens.get(
            self.headers.get("X-Vault-Token", ""), 0
        ):
            self.reply(403, {"errors": ["permission denied", "invalid token"]})
        else:
            self._read()

    def _log_in(self, data: dict[str, Any]) -> None:
        if self.path == "/v1/auth/approle/login":
            known = (data.get("role_id"), data.get("secret_id")) == (ROLE_ID, SECRET_ID)
            wrong = "" if known else "invalid role or secret ID"
        elif self.path == "/v1/auth/aws/login":
            wrong = _wrong_identity(data)
        else:
            self.reply(403, DENIED)
            return
        if wrong:
            self.reply(400, {"errors": [wrong]})
            return
        token = f"hvs.{uuid.uuid4().hex}"
        self.vault.tokens[token] = time.monotonic() + self.vault.token_seconds
        lease = self.vault.token_seconds
        auth = {"client_token": token, "lease_duration": lease, "renewable": True}
        self.reply(200, {"auth": auth, "data": None, "lease_duration": 0})

    def _read(self) -> None:
        path = self.path.removeprefix("/v1/")
        if path.startswith("secret/data/"):
            name = path.removeprefix("secret/data/")
            if name.startswith("forbidden"):
                self.reply(403, DENIED)
            elif name not in self.vault.secrets:
                self.reply(404, {"errors": []})
            elif (fields := self.vault.secrets[name]) is None:
                metadata = {"deletion_time": "2026-01-01T00:00:00Z", "version": 1}
                self.reply(404, {"data": {"data": None, "metadata": metadata}})
            else:
                metadata = {"deletion_time": "", "destroyed": False, "version": 1}
                self.reply(200, {"data": {"data": fields, "metadata": metadata}})
        elif path == "database/creds/reader":
            seconds = self.vault.lease_seconds
            user, password = self.vault.make_login(seconds)
            lease = {
                "lease_id": f"database/creds/reader/{uuid.uuid4().hex}",
                "lease_duration": seconds,
                "renewable": True,
            }
            self.reply(200, lease | {"data": {"username": user, "password": password}})
        elif path.startswith("database/creds/"):
            self.reply(400, {"errors": ["unknown role"]})
        else:
            self.reply(403, DENIED)

    def reply(self, status: int, data: Any, **headers: str) -> None:
        """Sends an answer; `data` as JSON unless it is bytes."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing."""


def _wrong_identity(data: dict[str, Any]) -> str:
    """What Vault refuses in a signed sts:GetCallerIdentity, before it asks STS."""
    headers = {
        name.lower(): value
        for name, value in json.loads(
            base64.b64decode(data["iam_request_headers"])
        ).items()
    }
    if base64.b64decode(data["iam_request_body"]).decode() != (
        "Action=GetCallerIdentity&Version=2011-06-15"
    ):
        return "not a GetCallerIdentity request"
    if headers.get("x-vault-aws-iam-server-id") != SERVER_ID:
        return "missing or wrong header X-Vault-AWS-IAM-Server-ID"
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    if not {"host", "x-vault-aws-iam-server-id"} <= set(signed.split(";")):
        return "the server id header is not signed"
    url = base64.b64decode(data["iam_request_url"]).decode()
    region = headers["authorization"].split("/")[2]
    expected = {"us-east-1": "https://sts.amazonaws.com/"}.get(
        region, f"https://sts.{region}.amazonaws.com/"
    )
    return "" if url == expected else "the signature is for another region"


def status(code: int, data: Any = None, **headers: str) -> Fault:
    """A fault that answers with this status."""
    answer = {"errors": ["hidden"]} if data is None else data
    return lambda request: request.reply(code, answer, **headers)


def silence(seconds: float) -> Fault:
    """A fault that says nothing for so long, then hangs up."""

    def wait(request: Request) -> None:
        request.connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            request.connection.recv(1)
        request.close_connection = True

    return wait


def drip(request: Request) -> None:
    """A fault that sends a byte every tenth of a second, without an end."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    request.close_connection = True
    never = threading.Event()
    with contextlib.suppress(OSError):
        while not never.wait(0.1):
            request.wfile.write(b" ")
            request.wfile.flush()


def hang_up(request: Request) -> None:
    """A fault that closes the connection instead of an answer."""
    request.close_connection = True
    with contextlib.suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running_vault(files: Files) -> Iterator[Vault]:
    """Runs the server on a free port for the length of a `with` block."""
    vault = Vault()
    kind = type("BoundRequest", (Request,), {"vault": vault})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    # The handshake belongs to the request's thread: a client that refuses it must not
    # stop the server.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    vault.url = f"https://127.0.0.1:{server.server_address[1]}"
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
