"""External functions: the asynchronous protocol."""

import base64
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from .conftest import Client


class Service(BaseHTTPRequestHandler):
    """Answers 202, then the argument; some arguments ask for an error."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, dict[str, str], str | None]] = []
    jobs: dict[str, list[Any]] = {}
    together = threading.Barrier(3)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def reply(self, status: int, body: bytes = b"", digest: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if digest is not None:
            self.send_header("Content-MD5", digest)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        ((_, argument),) = json.loads(gzip.decompress(raw))["data"]
        batch = self.headers["sf-external-function-query-batch-id"]
        self.seen.append(("POST", dict(self.headers), argument))
        tries = self.jobs.setdefault(batch, [0, argument])
        tries[0] += 1
        if argument in ("429", "500", "503") and tries[0] < 3:
            self.reply(int(argument))
        elif argument == "400":
            self.reply(400, b"no such thing")
        else:
            if argument and argument.startswith("together"):
                self.together.wait(timeout=5)
            self.reply(202)

    def do_GET(self) -> None:
        batch = self.headers["sf-external-function-query-batch-id"]
        job = self.jobs[batch]
        self.seen.append(("GET", dict(self.headers), None))
        job[0] += 1
        if job[0] < 3:
            self.reply(202)
            return
        body = json.dumps({"data": [[0, {"echo": job[1]}]]}).encode()
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.reply(200, body, "wrong" if job[1] == "digest" else digest)


@pytest.fixture
def service() -> Iterator[str]:
    """The service's address."""
    Service.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def function(client: Client, service: str) -> Client:
    """A client with the function ECHO."""
    client.run(
        "CREATE OR REPLACE API INTEGRATION api API_PROVIDER = AWS_API_GATEWAY "
        "API_AWS_ROLE_ARN = 'arn:aws:iam::1:role/x' ENABLED = TRUE "
        f"API_ALLOWED_PREFIXES = ('{service}')"
    )
    client.run(
        "CREATE EXTERNAL FUNCTION echo(request VARCHAR) RETURNS VARIANT VOLATILE "
        f"API_INTEGRATION = api MAX_BATCH_ROWS = 1 AS '{service}x'"
    )
    return client


def test_polls_with_the_same_headers_and_no_body(function: Client) -> None:
    assert function.one("SELECT echo('hi'):echo::VARCHAR") == "hi"
    methods = [method for method, _, _ in Service.seen]
    assert methods[0] == "POST" and set(methods[1:]) == {"GET"} and len(methods) >= 3
    prefix = "sf-external-function-"
    kept = [
        {k: v for k, v in headers.items() if k.lower().startswith(prefix)}
        for _, headers, _ in Service.seen
    ]
    assert all(headers == kept[0] for headers in kept)
    assert kept[0][f"{prefix}name"] == "ECHO" and len(kept[0]) == 10


@pytest.mark.parametrize("status", ["429", "500", "503"])
def test_an_error_is_asked_again_with_one_batch(function: Client, status: str) -> None:
    assert function.one(f"SELECT echo('{status}'):echo::VARCHAR") == status
    posts = [headers for method, headers, _ in Service.seen if method == "POST"]
    assert len(posts) == 3
    assert len({h["sf-external-function-query-batch-id"] for h in posts}) == 1


def test_other_answers_are_errors(function: Client) -> None:
    error = function.fails("SELECT echo('400')")
    assert "400" in error.msg and "no such thing" in error.msg
    assert "Content-MD5" in function.fails("SELECT echo('digest')").msg


def test_rows_are_batches_of_their_own_and_go_out_together(function: Client) -> None:
    found = function.run(
        "SELECT echo(column1):echo::VARCHAR FROM VALUES "
        "('together 1'), ('together 2'), ('together 3'), (NULL) ORDER BY 1"
    )
    assert found == [("together 1",), ("together 2",), ("together 3",), (None,)]
    batches = {h["sf-external-function-query-batch-id"] for _, h, _ in Service.seen}
    assert len(batches) == 4


def test_insert_and_with(function: Client) -> None:
    function.run("CREATE TABLE t (v VARIANT)")
    function.run("INSERT INTO t SELECT echo(column1) FROM VALUES ('a'), ('b')")
    found = function.run(
        "WITH q AS (SELECT echo('c') AS v) SELECT v:echo::VARCHAR FROM q "
        "UNION ALL SELECT v:echo::VARCHAR FROM t ORDER BY 1"
    )
    assert found == [("a",), ("b",), ("c",)]


def test_only_allowed_addresses(function: Client) -> None:
    error = function.fails(
        "CREATE EXTERNAL FUNCTION f(request VARCHAR) RETURNS VARIANT "
        "API_INTEGRATION = api MAX_BATCH_ROWS = 1 AS 'http://127.0.0.1:1/'"
    )
    assert error.errno == 3167
    assert function.fails("SELECT echo('a', 'b')").errno == 1044
